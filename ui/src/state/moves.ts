import type { HandoverView, OutageView } from "../ipc/host";

/** A hand-over, and what it cost the ear, where something was told of that. */
export interface Move {
  handover: HandoverView;
  outage: OutageView | null;
}

/** A gap belongs to a hand-over that began at most this long before or after it. */
const NEAR_MS = 5000;
const KEPT = 200;

export function withHandover(moves: Move[], handover: HandoverView): Move[] {
  const others = moves.filter((m) => m.handover.at_ms !== handover.at_ms);
  const known = moves.find((m) => m.handover.at_ms === handover.at_ms);
  return [...others, { handover, outage: known?.outage ?? null }].slice(-KEPT);
}

/** Puts a gap that ended just now beside the hand-over nearest in time. */
export function withOutage(moves: Move[], outage: OutageView, now: number): Move[] {
  const began = now - outage.resumed_after_ms - outage.silence_ms;
  const distance = (m: Move) => {
    const at = m.handover.at_ms;
    return at < began ? began - at : Math.max(0, at - now);
  };
  const nearest = moves.reduce<Move | null>(
    (best, m) => (!best || distance(m) <= distance(best) ? m : best),
    null,
  );
  if (!nearest || distance(nearest) > NEAR_MS) return moves;
  return moves.map((m) => (m === nearest ? { ...m, outage } : m));
}

/** How long it was until the other side's packets came again. */
export const took = (h: HandoverView) => h.data_resumed_ms ?? h.peer_answered_ms;

/** Milliseconds of speech that were never heard; null when nobody knows. */
export function lostSpeech({ handover, outage }: Move): number | null {
  if (outage) return outage.lost_speech_ms;
  return handover.lost_packets === 0 ? 0 : null;
}
