// The way of one label set through the routing tree, with the reason at each node.
import { formatDurationMs, type LabelRecord, type Matcher } from "@storewatch/model";
import type { RoutingStep, RoutingTestResult, VisitedNode } from "@storewatch/model/api";
import type { AlertRecord } from "../alert.ts";
import type { ReceiverConfig, Route } from "../config/types.ts";
import { groupLabels, labelSetText } from "../dispatcher.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { GroupView } from "../manager.ts";
import { matcherText } from "../matchers/parse.ts";
import type { Silence } from "../silences.ts";
import { type NamedIntervals, routeMutedBy } from "../stage/mute.ts";
import { childId, groupByOf, integrationNames, intervalStates, ROOT_ID, timingsOf } from "./nodes.ts";

export interface TraceState {
  readonly route: Route;
  readonly receivers: readonly ReceiverConfig[];
  readonly intervals: NamedIntervals;
  readonly groups: readonly GroupView[];
  readonly silencing: (labels: LabelRecord, atMs: number) => readonly Silence[];
  readonly inhibiting: (labels: LabelRecord) => readonly AlertRecord[];
}

export interface Walk {
  readonly path: readonly VisitedNode[];
  /** Those that handle the alert, in order. */
  readonly chosen: readonly { readonly id: string; readonly route: Route }[];
}

/** The same decisions as `matchRoutes`, with everything that was looked at on the way. */
export function walkRoutes(root: Route, labels: LabelRecord): Walk {
  const path: VisitedNode[] = [];
  const chosen: { id: string; route: Route }[] = [];
  const visit = (route: Route, id: string, parent: string | null, depth: number): boolean => {
    const matchers = route.matchers.map((matcher) => ({
      text: matcherText(matcher),
      matched: matcher.matches(labels[matcher.name] ?? ""),
    }));
    const failed = route.matchers.find((_, i) => !matchers[i].matched);
    const place = path.length;
    const node = { id, parent, depth, receiver: route.receiver, matchers, continue: route.continue };
    path.push({ ...node, matched: !failed, chosen: false, words: failed ? whyNot(failed, labels) : "" });
    if (failed) return false;
    const before = chosen.length;
    for (const [i, child] of route.routes.entries()) {
      if (visit(child, childId(id, i), id, depth + 1) && !child.continue) break;
    }
    const isChosen = chosen.length === before;
    if (isChosen) chosen.push({ id, route });
    const goesOn = route.continue && parent !== null ? "; `continue` lets the search go on" : "";
    const fits = route.matchers.length === 0 ? "everything fits" : "fits";
    const words = isChosen ? `${fits}, told to ${route.receiver}` : `${fits}, a route below decides`;
    path[place] = { ...path[place], chosen: isChosen, words: words + goesOn };
    return true;
  };
  visit(root, ROOT_ID, null, 0);
  return { path, chosen };
}

function whyNot(matcher: Matcher, labels: LabelRecord): string {
  const value = labels[matcher.name];
  const found =
    value === undefined ? `there is no label ${matcher.name}` : `${matcher.name} is ${JSON.stringify(value)}`;
  return `${matcherText(matcher)} does not hold: ${found}`;
}

export function traceRouting(state: TraceState, given: LabelRecord, atMs: number): RoutingTestResult {
  const labels = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
  const { path, chosen } = walkRoutes(state.route, labels);
  const silencedBy = state.silencing(labels, atMs);
  const inhibitedBy = state.inhibiting(labels);
  const held = inhibitedBy.length > 0 ? "inhibited" : silencedBy.length > 0 ? "silenced" : undefined;
  const receivers = chosen.map(({ id, route }) => stepOf(state, id, route, labels, atMs, held));
  return {
    atMs,
    labels,
    fingerprint: fingerprintOf(labels),
    path: [...path],
    receivers,
    silencedBy: silencedBy.map(({ id, matchers, createdBy, comment, endsAtMs }) => ({
      id,
      matchers: matchers.map(matcherText),
      createdBy,
      comment,
      endsAtMs,
    })),
    inhibitedBy: inhibitedBy.map((alert) => ({ fingerprint: alert.fingerprint, labels: alert.labels })),
    words: summary(receivers, silencedBy, inhibitedBy),
  };
}

function stepOf(
  state: TraceState,
  id: string,
  route: Route,
  labels: LabelRecord,
  atMs: number,
  held: "inhibited" | "silenced" | undefined,
): RoutingStep {
  const { intervals } = state;
  const own = groupLabels(route, labels);
  const groupKey = `${route.key}:${labelSetText(own)}`;
  const integrations = integrationNames(state.receivers.find(({ name }) => name === route.receiver));
  const mutedBy = routeMutedBy(route, intervals, atMs);
  const group = state.groups.find((one) => one.route === route && one.key === groupKey);
  // In the order of the pipeline: inhibition, time, silences.
  const muted = mutedBy.length > 0 ? "muted" : undefined;
  const outcome = held === "inhibited" ? held : (muted ?? held ?? "told");
  return {
    id,
    receiver: route.receiver,
    integrations,
    groupKey,
    groupLabels: own,
    groupBy: groupByOf(route),
    ...timingsOf(route),
    muteTimeIntervals: intervalStates(route.muteTimeIntervals, intervals, atMs),
    activeTimeIntervals: intervalStates(route.activeTimeIntervals, intervals, atMs),
    mutedBy,
    groupAlerts: group ? group.alerts.length : null,
    outcome: integrations.length === 0 ? "nobody" : outcome,
  };
}

function summary(
  receivers: readonly RoutingStep[],
  silencedBy: readonly Silence[],
  inhibitedBy: readonly AlertRecord[],
): string {
  const told = receivers.filter(({ outcome }) => outcome === "told");
  if (told.length > 0) {
    const ways = told.map(({ receiver, integrations, groupAlerts, groupWaitMs, groupIntervalMs }) => {
      const wait =
        groupAlerts === null
          ? `after ${formatDurationMs(groupWaitMs)}`
          : `with its group, within ${formatDurationMs(groupIntervalMs)}`;
      return `${receiver} (${integrations.join(", ")}) ${wait}`;
    });
    return `Told to ${ways.join("; and ")}.`;
  }
  if (inhibitedBy.length > 0) {
    return `Nobody is told: ${inhibitedBy[0].labels.alertname ?? "another alert"} fires and inhibits it.`;
  }
  const muted = receivers.find(({ outcome }) => outcome === "muted");
  if (muted) return `Nobody is told at that time: ${muted.receiver} is muted by ${muted.mutedBy.join(", ")}.`;
  if (silencedBy.length > 0) {
    const [{ createdBy, comment, endsAtMs }] = silencedBy;
    return `Nobody is told: silenced by ${createdBy} ("${comment}") until ${new Date(endsAtMs).toISOString()}.`;
  }
  return `Nobody is told: ${receivers.map(({ receiver }) => receiver).join(", ")} has no integrations.`;
}
