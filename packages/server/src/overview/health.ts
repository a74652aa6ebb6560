// Is a shop fine, and if not, why: from its firing alerts, its errors, and its orders against its own recent past.
import type { Figures, Health, Reason } from "@storewatch/model/api";

export interface FiringAlert {
  readonly alert: string;
  readonly severity: string;
  readonly tenant: string;
  readonly sinceMs: number | null;
}

const RANK: Readonly<Record<Health, number>> = { ok: 0, unknown: 1, warn: 2, crit: 3 };

export const healthRank = (health: Health): number => RANK[health];

export function worstHealth(all: Iterable<Health>): Health {
  let worst: Health = "ok";
  for (const health of all) if (RANK[health] > RANK[worst]) worst = health;
  return worst;
}

/** Fewer requests than this in the two-minute window say nothing about a ratio. */
const MIN_REQUESTS = 20;
const WINDOW_SECONDS = 120;
/** Hours of the window that current orders are counted over. */
const ORDER_WINDOW_HOURS = 0.25;
/** Orders come at random: a count below mean − 3 √mean happens about once in a thousand windows by chance. */
const SIGMAS = 3;
const MIN_EXPECTED_ORDERS = 5;

/** All reasons, worst first. Empty = fine. */
export function judge(figures: Figures, alerts: readonly FiringAlert[], ordersFellSinceMs: number | null): Reason[] {
  const reasons = [
    ...alerts.flatMap((alert) => alertReason(alert) ?? []),
    ...[judgeErrors(figures), judgeOrders(figures, ordersFellSinceMs), judgeLatency(figures)].flatMap((r) => r ?? []),
  ];
  if (figures.requestsPerSecond.value === null && reasons.length === 0) reasons.push(NO_DATA);
  return reasons.sort((a, b) => RANK[b.health] - RANK[a.health]);
}

const NO_DATA: Reason = {
  kind: "no-data",
  health: "unknown",
  value: null,
  before: null,
  sinceMs: null,
  alert: null,
  text: "no requests seen lately",
};

function alertReason(alert: FiringAlert): Reason | undefined {
  const health = severityHealth(alert.severity);
  if (health === "ok") return undefined;
  return {
    kind: "alert",
    health,
    value: null,
    before: null,
    sinceMs: alert.sinceMs,
    alert: alert.alert,
    text: `alert ${alert.alert} is firing`,
  };
}

/** `info` and `none` tell of things that are no trouble; what has no severity is taken as a warning. */
export function severityHealth(severity: string): Health {
  if (severity === "critical" || severity === "page" || severity === "error") return "crit";
  return severity === "info" || severity === "none" ? "ok" : "warn";
}

function judgeErrors(figures: Figures): Reason | undefined {
  const { value: ratio, before } = figures.errorRatio;
  const requests = (figures.requestsPerSecond.value ?? 0) * WINDOW_SECONDS;
  if (ratio === null || requests < MIN_REQUESTS) return undefined;
  const errors = requests * ratio;
  const risen = ratio > 3 * (before ?? 0);
  const health: Health = ratio >= 0.05 && errors >= 3 ? "crit" : ratio >= 0.01 && errors >= 3 && risen ? "warn" : "ok";
  if (health === "ok") return undefined;
  return {
    kind: "errors",
    health,
    value: ratio,
    before,
    sinceMs: null,
    alert: null,
    text: `${percent(ratio)} of requests fail`,
  };
}

function judgeOrders(figures: Figures, fellSinceMs: number | null): Reason | undefined {
  const { value, before } = figures.ordersPerHour;
  if (before === null) return undefined;
  const expected = before * ORDER_WINDOW_HOURS;
  const seen = (value ?? 0) * ORDER_WINDOW_HOURS;
  if (expected < MIN_EXPECTED_ORDERS || seen >= expected - SIGMAS * Math.sqrt(expected)) return undefined;
  const change = seen / expected - 1;
  if (change > -0.25) return undefined;
  const common = { before, sinceMs: fellSinceMs, alert: null };
  if (seen === 0)
    return { kind: "no-orders", health: "crit", value: 0, text: "no orders in the last 15 min", ...common };
  const text = `orders −${percent(-change)} against the hour before`;
  return { kind: "orders-drop", health: change <= -0.5 ? "crit" : "warn", value: change, text, ...common };
}

function judgeLatency(figures: Figures): Reason | undefined {
  const { value, before } = figures.p95Seconds;
  const requests = (figures.requestsPerSecond.value ?? 0) * WINDOW_SECONDS;
  if (value === null || requests < MIN_REQUESTS) return undefined;
  const slow = value > 2 || (value > 0.5 && before !== null && value > 2 * before);
  if (!slow) return undefined;
  const text = `p95 latency ${value.toPrecision(3)} s`;
  return { kind: "latency", health: "warn", value, before, sinceMs: null, alert: null, text };
}

const percent = (ratio: number): string => `${Number((ratio * 100).toPrecision(2))}\u202f%`;

/**
 * Since when the line has stayed below three quarters of `normal` (ms): the start of the last unbroken stretch that
 * reaches the end; null when it does not, or began before the line does.
 */
export function fellSince(
  timesMs: readonly number[],
  line: readonly (number | null)[],
  normal: number | null,
): number | null {
  if (normal === null || normal <= 0) return null;
  const limit = 0.75 * normal;
  let start = line.length;
  while (start > 0 && (line[start - 1] ?? 0) < limit) start--;
  return start === line.length || start === 0 ? null : timesMs[start];
}
