import type { StatsView } from "../ipc/host";

/** What the plots show: the last so many seconds. */
export const SECONDS = 120;

/** Columns for the plots, the latest last; a null is a second without an answer. */
export interface Series {
  at: number[];
  delay: (number | null)[];
  loss: (number | null)[];
  jitter: (number | null)[];
}

export const nothingYet: Series = { at: [], delay: [], loss: [], jitter: [] };

/** The series with one more second in it. */
export function added(series: Series, nowMs: number, figures: StatsView): Series {
  const keep = <T>(column: T[], value: T) => [...column.slice(-(SECONDS - 1)), value];
  return {
    at: keep(series.at, Math.round(nowMs / 1000)),
    delay: keep(series.delay, figures.round_trip_ms),
    loss: keep(series.loss, figures.loss * 100),
    jitter: keep(series.jitter, figures.jitter_ms),
  };
}
