// Stages that hold alerts back: inhibition, silences, and the times at which a route is muted or not active.
import type { LabelRecord } from "@storewatch/model";
import type { Route } from "../config/types.ts";
import { intervalContains, type TimeInterval } from "../time-interval.ts";
import type { Stage } from "./stage.ts";

export type SuppressReason = "inhibition" | "silence" | "mute_time_interval" | "active_time_interval";
export type CountSuppressed = (reason: SuppressReason, alerts: number) => void;

/** Drops alerts for which `mutedBy` names somebody. */
export function muteStage(
  reason: SuppressReason,
  mutedBy: (labels: LabelRecord, nowMs: number) => readonly string[],
  count: CountSuppressed,
): Stage {
  return (context, alerts) => {
    const rest = alerts.filter(({ alert }) => mutedBy(alert.labels, context.nowMs).length === 0);
    if (rest.length < alerts.length) count(reason, alerts.length - rest.length);
    return rest;
  };
}

export type NamedIntervals = ReadonlyMap<string, readonly TimeInterval[]>;

/** Names of the listed intervals that hold at the time. */
export function intervalsAt(intervals: NamedIntervals, names: readonly string[], timeMs: number): string[] {
  return names.filter((name) => intervals.get(name)?.some((interval) => intervalContains(interval, timeMs)));
}

/** Names of the intervals that keep the route quiet at the time. */
export function routeMutedBy(route: Route, intervals: NamedIntervals, timeMs: number): string[] {
  const { activeTimeIntervals: active, muteTimeIntervals: mute } = route;
  const inactive = active.length > 0 && intervalsAt(intervals, active, timeMs).length === 0 ? active : [];
  return [...inactive, ...intervalsAt(intervals, mute, timeMs)];
}

export function timeStage(intervals: NamedIntervals, count: CountSuppressed): Stage {
  return (context, alerts) => {
    if (routeMutedBy(context.route, intervals, context.nowMs).length === 0) return alerts;
    const muted = intervalsAt(intervals, context.route.muteTimeIntervals, context.nowMs).length > 0;
    count(muted ? "mute_time_interval" : "active_time_interval", alerts.length);
    return [];
  };
}
