import { locale, t } from "./index.svelte";

const DAY = 86_400_000;
/** Times in the tests' and the reader's zone; formats are dear to make, so each is made once. */
const made = new Map<string, Intl.DateTimeFormat>();

function format(ms: number, options: Intl.DateTimeFormatOptions): string {
  const key = locale() + JSON.stringify(options);
  let formatter = made.get(key);
  if (!formatter) {
    const tag = locale() === "ja" ? "ja-JP" : "en-GB";
    made.set(key, (formatter = new Intl.DateTimeFormat(tag, options)));
  }
  return formatter.format(ms);
}

/** `14:03:12` */
export const clockTime = (ms: number) =>
  format(ms, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

/** `14:03` today, `yesterday`, then the date. */
export function dayTime(ms: number, now: number): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const time = format(ms, { hour: "2-digit", minute: "2-digit", hour12: false });
  if (ms >= midnight) return time;
  if (ms >= midnight - DAY) return t("time.yesterday", { time });
  return format(ms, { month: "short", day: "numeric" });
}

/** `4:07`, `1:02:09`: how long a call has gone on. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor((s % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** `84 ms`, `3.2 s`. */
export function millis(ms: number): string {
  if (ms < 10) return t("unit.ms", { n: Math.round(ms * 10) / 10 });
  return ms < 2000 ? t("unit.ms", { n: Math.round(ms) }) : t("unit.s", { n: Math.round(ms / 100) / 10 });
}

/** `0.4 %` */
export const percent = (share: number) => t("unit.percent", { n: Math.round(share * 1000) / 10 });
