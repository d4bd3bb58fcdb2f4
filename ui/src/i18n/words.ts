import type { AppError, CallView, InterfaceView, PastCall, RouteView, StatsView } from "../ipc/host";
import { lostSpeech, took, type Move } from "../state/moves";
import { duration, millis, percent } from "./format";
import { isKey, locale, t } from "./index.svelte";

/** What went wrong, and what the program itself said of it, where that says more. */
export function errorWords(error: AppError): { title: string; detail: string | null } {
  const key = `error.${error.code}`;
  if (!isKey(key)) return { title: t("error.other"), detail: error.message };
  return { title: t(key as "error.other"), detail: SAYS_MORE.has(error.code) ? error.message : null };
}

/** Codes that stand for many things: which one is in the message only. */
const SAYS_MORE = new Set([
  "bad-input",
  "account",
  "no-service",
  "not-yet",
  "refused",
  "system",
  "storage",
  "keyring",
]);

/** Why a call is over. */
export function endWords(reason: string, outgoing: boolean, name: string, said = ""): string {
  const keys = [`end.${reason}.${outgoing ? "out" : "in"}`, `end.${reason}`];
  const key = keys.find(isKey);
  if (key) return t(key as "end.busy", { name });
  return said || t("end.failed", { name });
}

export const callEnd = (call: CallView, name: string) =>
  call.ended ? endWords(call.ended.reason, call.outgoing, name, call.ended.words) : "";

/** A line of the history. */
export function pastWords(call: PastCall, name: string): string {
  if (call.missed) return t("history.missed");
  if (call.seconds === 0) return endWords(call.ended, call.outgoing, name);
  const parts = [duration(call.seconds)];
  if (call.handovers > 0) parts.push(countWords("handovers", call.handovers));
  if (call.handovers > 0 && call.lost_ms === 0) parts.push(t("cost.nothing"));
  if (call.lost_ms > 0) parts.push(t("cost.lost", { time: millis(call.lost_ms) }));
  return listed(parts);
}

export const listed = (parts: string[]) => parts.join(locale() === "ja" ? "、" : ", ");

/** `3 hand-overs`; in Japanese there is one form for all numbers. */
export function countWords(
  what: "handovers" | "sentAgain" | "missed" | "texts" | "paths",
  n: number,
): string {
  const form = locale() === "en" && n === 1 ? "one" : "many";
  return t(`count.${what}.${form}`, { n });
}

export function stateWords(call: CallView): string {
  switch (call.state) {
    case "calling":
      return t("call.calling");
    case "ringing_there":
      return t("call.ringingThere");
    case "ringing_here":
      return t("call.ringingHere");
    case "held":
      return call.held_here ? t("call.heldHere") : t("call.heldThere");
    case "talking":
      return t("call.talking");
    case "ended":
      return t("call.ended");
  }
}

export function kindWords(kind: InterfaceView["kind"]): string {
  return t(`net.${kind}`);
}

/** What kind of network an interface is, as far as its name tells; the name itself otherwise. */
export function interfaceWords(name: string | null | undefined, known: InterfaceView[] = []): string | null {
  if (!name) return null;
  const found = known.find((i) => i.name === name);
  if (found && found.kind !== "other") return kindWords(found.kind);
  if (/^(wl|wifi|Wi-?Fi)/i.test(name)) return t("net.wifi");
  if (/^(ww|rmnet|ccmni|pdp_ip|cell)/i.test(name)) return t("net.cellular");
  if (/^(en[ospx]|eth)/i.test(name)) return t("net.wired");
  return name;
}

const family = (address: string) => (address.startsWith("[") ? "IPv6" : "IPv4");

export function routeWords(route: RouteView): string {
  return route.kind === "direct"
    ? t("route.direct", { family: family(route.remote) })
    : t("route.relay", { family: family(route.via) });
}

/** The line under a call: "direct over Wi-Fi, 23 ms, nothing lost". */
export function connectionWords(
  route: RouteView | undefined,
  over: string | null,
  figures: StatsView | undefined,
): string {
  if (!route) return t("route.none");
  const way = route.kind === "direct" ? "direct" : "relay";
  const parts = [over ? t(`way.${way}.over`, { network: over }) : t(`way.${way}`)];
  if (figures?.round_trip_ms != null) parts.push(millis(figures.round_trip_ms));
  if (figures)
    parts.push(figures.loss === 0 ? t("cost.nothing") : t("cost.share", { share: percent(figures.loss) }));
  return listed(parts);
}

/** "Wi-Fi → cellular", or whatever of it is known. */
export function moveTitle({ handover: h }: Move, known: InterfaceView[] = []): string {
  const from = interfaceWords(h.old_interface, known);
  const to = interfaceWords(h.new_interface, known);
  if (from && to && h.old_interface !== h.new_interface) return `${from} → ${to}`;
  const key = `reason.${h.reason}`;
  return isKey(key) ? t(key as "reason.peer_moved") : t("reason.other");
}

/** What a hand-over cost: "84 ms, nothing lost". */
export function moveCost(move: Move): string {
  const time = took(move.handover);
  const parts = [time === null ? t("move.underWay") : millis(time)];
  const lost = lostSpeech(move);
  if (lost === 0) parts.push(t("cost.nothing"));
  else if (lost !== null) parts.push(t("cost.lost", { time: millis(lost) }));
  else if (move.handover.lost_packets) parts.push(t("cost.packets", { n: move.handover.lost_packets }));
  if (move.outage && move.outage.backfilled > 0) parts.push(countWords("sentAgain", move.outage.backfilled));
  return listed(parts);
}

export function qualityWords(figures: StatsView | undefined): string | null {
  const key = `quality.${figures?.quality}`;
  return isKey(key) ? t(key as "quality.good") : null;
}
