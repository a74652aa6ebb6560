// Stages that hold alerts back: inhibition, silences, and the times at which a route is muted or not active.
import type { LabelRecord } from "@storewatch/model";
import type { Route } from "../config/types.ts";
import { intervalContains, type TimeInterval } from "../time-interval.ts";
import type { FlushAlert, Stage } from "./stage.ts";

export type SuppressReason = "inhibition" | "silence" | "mute_time_interval" | "active_time_interval";
export type OnSuppressed = (reason: SuppressReason, alerts: readonly FlushAlert[]) => void;

/** Drops alerts for which `mutedBy` names somebody. */
export function muteStage(
  reason: SuppressReason,
  mutedBy: (labels: LabelRecord, nowMs: number) => readonly string[],
  onSuppressed: OnSuppressed,
): Stage {
  return (context, alerts) => {
    const muted: FlushAlert[] = [];
    const rest = alerts.filter((one) => {
      const passes = mutedBy(one.alert.labels, context.nowMs).length === 0;
      if (!passes) muted.push(one);
      return passes;
    });
    if (muted.length > 0) onSuppressed(reason, muted);
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

export function timeStage(intervals: NamedIntervals, onSuppressed: OnSuppressed): Stage {
  return (context, alerts) => {
    if (routeMutedBy(context.route, intervals, context.nowMs).length === 0) return alerts;
    const muted = intervalsAt(intervals, context.route.muteTimeIntervals, context.nowMs).length > 0;
    onSuppressed(muted ? "mute_time_interval" : "active_time_interval", alerts);
    return [];
  };
}
