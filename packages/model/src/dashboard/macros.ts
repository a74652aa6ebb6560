// Grafana's built-in variables that depend on time: $__interval, $__rate_interval, $__range and their kin.
import { formatDurationMs, parseDurationMs } from "../duration.ts";
import type { VariableValue } from "./interpolate.ts";

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;
const NICE = [
  S,
  2 * S,
  5 * S,
  10 * S,
  15 * S,
  20 * S,
  30 * S,
  M,
  2 * M,
  5 * M,
  10 * M,
  15 * M,
  20 * M,
  30 * M,
  H,
  2 * H,
  3 * H,
  6 * H,
  12 * H,
  D,
  7 * D,
  30 * D,
  365 * D,
];

/** The smallest nice step (ms) that gives at most `points` points over the range, and is not below the minimum. */
export function niceInterval(rangeMs: number, points: number, minMs: number): number {
  const wanted = Math.max(minMs, rangeMs / Math.max(1, points));
  return NICE.find((step) => step >= wanted) ?? NICE[NICE.length - 1];
}

/** A panel's or target's minimal step: "30s", ">30s"; undefined when there is none or it holds something else. */
export function parseMinInterval(text: string | null | undefined): number | undefined {
  if (!text) return undefined;
  const ms = parseDurationMs(text.replace(/^[<>=]+/, "").trim());
  return ms === undefined || ms === 0 ? undefined : ms;
}

export interface MacroTimes {
  readonly fromMs: number;
  readonly toMs: number;
  readonly intervalMs: number;
  readonly scrapeIntervalMs: number;
}

/** As variables, so that `$x`, `${x}` and `[[x]]` all work. */
export function macroValues(times: MacroTimes): Map<string, VariableValue> {
  const { fromMs, toMs, intervalMs, scrapeIntervalMs } = times;
  const rangeMs = Math.max(S, Math.round((toMs - fromMs) / S) * S);
  const rateMs = Math.max(intervalMs + scrapeIntervalMs, 4 * scrapeIntervalMs);
  const text = (value: string): VariableValue => ({ values: [value], multi: false });
  return new Map([
    ["__interval", text(formatDurationMs(intervalMs))],
    ["__interval_ms", text(String(intervalMs))],
    ["__rate_interval", text(formatDurationMs(rateMs))],
    ["__rate_interval_ms", text(String(rateMs))],
    ["__range", text(`${rangeMs / S}s`)],
    ["__range_s", text(String(rangeMs / S))],
    ["__range_ms", text(String(rangeMs))],
    ["__from", text(String(fromMs))],
    ["__to", text(String(toMs))],
  ]);
}
