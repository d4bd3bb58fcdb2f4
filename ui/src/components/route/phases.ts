import type { HandoverView } from "../../ipc/host";

export const PHASES = ["probe_sent_ms", "peer_answered_ms", "data_resumed_ms", "dc_updated_ms"] as const;
export type Phase = (typeof PHASES)[number];

/** A stretch of a hand-over that ended with something happening. */
export interface Stretch {
  phase: Phase;
  from: number;
  to: number;
}

/** The stretches in the order in which they ended: the peer's data may come before its answer. */
export function stretches(h: HandoverView): Stretch[] {
  const ends = PHASES.map((phase) => ({ phase, to: h[phase] })).filter(
    (e): e is { phase: Phase; to: number } => e.to !== null,
  );
  ends.sort((a, b) => a.to - b.to);
  return ends.map((end, i) => ({ ...end, from: ends[i - 1]?.to ?? 0 }));
}

/** A round figure that the longest of them fits under, for one scale. */
export function scale(all: HandoverView[]): number {
  const longest = Math.max(100, ...all.flatMap((h) => PHASES.map((p) => h[p] ?? 0)));
  const step = [100, 200, 300, 500, 1000, 2000, 5000, 10_000].find((s) => s >= longest);
  return step ?? longest;
}
