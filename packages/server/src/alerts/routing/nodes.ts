// The routing tree as a list, a node's parent before it. Ids are places in the tree: "0" the root, "0.2" its third child.
import type { RouteNode } from "@storewatch/model/api";
import type { ReceiverConfig, Route } from "../config/types.ts";
import type { GroupView } from "../manager.ts";
import { matcherText } from "../matchers/parse.ts";
import { intervalsAt, type NamedIntervals, routeMutedBy } from "../stage/mute.ts";

export interface RouteTiming {
  readonly groupWaitMs: number;
  readonly groupIntervalMs: number;
  readonly repeatIntervalMs: number;
}

export function childId(parent: string, index: number): string {
  return `${parent}.${index}`;
}

export const ROOT_ID = "0";

export function timingsOf({ groupWaitMs, groupIntervalMs, repeatIntervalMs }: Route): RouteTiming {
  return { groupWaitMs, groupIntervalMs, repeatIntervalMs };
}

export function groupByOf({ groupBy }: Route): string[] | null {
  return groupBy === "all" ? null : [...groupBy];
}

export function intervalStates(names: readonly string[], intervals: NamedIntervals, atMs: number) {
  const holding = new Set(intervalsAt(intervals, names, atMs));
  return names.map((name) => ({ name, holds: holding.has(name) }));
}

/** For example "slack[0]". */
export function integrationNames(receiver: ReceiverConfig | undefined): string[] {
  return (receiver?.integrations ?? []).map((one) => {
    const kind = one.kind === "unsupported" ? one.name : one.kind;
    return `${kind}[${one.index}]`;
  });
}

export interface TreeState {
  readonly route: Route;
  readonly intervals: NamedIntervals;
  readonly groups: readonly GroupView[];
  readonly nowMs: number;
}

export function routeNodes({ route: root, intervals, groups, nowMs }: TreeState): RouteNode[] {
  const counts = countByRoute(groups);
  const nodes: RouteNode[] = [];
  const add = (route: Route, id: string, parent: string | null, depth: number) => {
    nodes.push({
      id,
      parent,
      depth,
      children: route.routes.map((_, i) => childId(id, i)),
      matchers: route.matchers.map(matcherText),
      receiver: route.receiver,
      groupBy: groupByOf(route),
      ...timingsOf(route),
      continue: route.continue,
      muteTimeIntervals: intervalStates(route.muteTimeIntervals, intervals, nowMs),
      activeTimeIntervals: intervalStates(route.activeTimeIntervals, intervals, nowMs),
      mutedNow: routeMutedBy(route, intervals, nowMs).length > 0,
      counts: counts.get(route) ?? { groups: 0, alerts: 0, suppressed: 0 },
    });
    route.routes.forEach((child, i) => {
      add(child, childId(id, i), id, depth + 1);
    });
  };
  add(root, ROOT_ID, null, 0);
  return nodes;
}

function countByRoute(groups: readonly GroupView[]): Map<Route, RouteNode["counts"]> {
  const counts = new Map<Route, RouteNode["counts"]>();
  for (const { route, alerts } of groups) {
    const known = counts.get(route) ?? { groups: 0, alerts: 0, suppressed: 0 };
    counts.set(route, {
      groups: known.groups + 1,
      alerts: known.alerts + alerts.length,
      suppressed: known.suppressed + alerts.filter(({ state }) => state === "suppressed").length,
    });
  }
  return counts;
}
