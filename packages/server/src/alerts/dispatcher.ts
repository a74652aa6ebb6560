// Sorts alerts into groups along the routing tree.
import { type Clock, compareStrings, type LabelRecord, sleep } from "@storewatch/model";
import type { AlertRecord } from "./alert.ts";
import type { Route } from "./config/types.ts";
import { goQuote } from "./go-quote.ts";
import { Group, type GroupOptions } from "./group.ts";
import type { Delivery } from "./interface.ts";
import { matchesLabels } from "./matchers/parse.ts";

export interface DispatcherOptions
  extends Pick<GroupOptions, "groupStages" | "deliveryStages" | "onFailure" | "flapOf"> {
  readonly clock: Clock;
  readonly route: Route;
  readonly deliveries: (receiver: string) => readonly Delivery[];
}

/** How long a reload waits for deliveries under way before it cuts them off. */
const DRAIN_MS = 3000;

export class Dispatcher {
  private readonly groups = new Map<Route, Map<string, Group>>();

  constructor(private readonly options: DispatcherOptions) {}

  dispatch(alert: AlertRecord): void {
    for (const route of matchRoutes(this.options.route, alert.labels)) this.groupFor(route, alert).insert(alert);
  }

  all(): Group[] {
    return [...this.groups.values()].flatMap((groups) => [...groups.values()]);
  }

  /** Drops groups without alerts. */
  collectGarbage(): void {
    for (const groups of this.groups.values()) {
      for (const [key, group] of groups) {
        if (!group.isIdle) continue;
        void group.stop();
        groups.delete(key);
      }
    }
  }

  async stop(): Promise<void> {
    const groups = this.all();
    const ended = Promise.all(groups.map((group) => group.stop())).then(() => true);
    const cut = new AbortController();
    const late = sleep(this.options.clock, DRAIN_MS, cut.signal).then(
      () => false,
      () => true,
    );
    if (!(await Promise.race([ended, late]))) for (const group of groups) group.abort();
    cut.abort();
    await ended;
  }

  private groupFor(route: Route, alert: AlertRecord): Group {
    const labels = groupLabels(route, alert.labels);
    const text = labelSetText(labels);
    const known = this.groups.get(route) ?? new Map<string, Group>();
    this.groups.set(route, known);
    let group = known.get(text);
    if (!group) {
      const { clock, groupStages, deliveryStages, onFailure, flapOf } = this.options;
      const deliveries = this.options.deliveries(route.receiver);
      const key = `${route.key}:${text}`;
      group = new Group({ clock, route, key, labels, deliveries, groupStages, deliveryStages, onFailure, flapOf });
      known.set(text, group);
    }
    return group;
  }
}

/** The routes that handle an alert, in order: the deepest matching node of each branch taken. */
export function matchRoutes(route: Route, labels: LabelRecord): Route[] {
  if (!matchesLabels(route.matchers, labels)) return [];
  const found: Route[] = [];
  for (const child of route.routes) {
    const below = matchRoutes(child, labels);
    found.push(...below);
    if (below.length > 0 && !child.continue) break;
  }
  return found.length > 0 ? found : [route];
}

export function groupLabels(route: Route, labels: LabelRecord): Record<string, string> {
  const { groupBy } = route;
  return Object.fromEntries(Object.entries(labels).filter(([name]) => groupBy === "all" || groupBy.has(name)));
}

/** `{a="b", c="d"}`, as it stands in group keys. */
export function labelSetText(labels: LabelRecord): string {
  const names = Object.keys(labels).sort(compareStrings);
  return `{${names.map((name) => `${name}=${goQuote(labels[name])}`).join(", ")}}`;
}
