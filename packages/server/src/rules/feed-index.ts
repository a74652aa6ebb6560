// Which groups a source's series feed: new series are matched against the groups' selectors, by metric name first.
import { type Labels, type Matcher, METRIC_NAME, matchesAll } from "@storewatch/model";
import { collectSelectors } from "@storewatch/promql/parser";
import type { RowWriter } from "@storewatch/tsdb";
import type { RuleGroup } from "./rule-group.ts";

interface Selector {
  readonly matchers: readonly Matcher[];
  readonly group: RuleGroup;
  /** A scrape target has series that it selects. */
  fed: boolean;
}

export interface Source {
  readonly groups: Set<RuleGroup>;
  columnsSeen: number;
  /** See RowWriter. */
  epoch: number;
  lastArrivalMs: number;
  /** Between its last two arrivals; 0 = not known yet. */
  intervalMs: number;
}

/** A source that has been silent for this long is forgotten. */
const FORGET_MS = 3_600_000;

export class FeedIndex {
  private readonly byName = new Map<string, Selector[]>();
  private readonly anyName: Selector[] = [];
  private readonly all: Selector[] = [];
  private readonly sources = new Map<number, Source>();
  private readonly sourcesOf = new Map<RuleGroup, Set<Source>>();

  constructor(groups: readonly RuleGroup[]) {
    for (const group of groups) {
      // With an offset, data that arrives now is not looked at now.
      if (group.queryOffsetMs > 0) continue;
      for (const rule of group.alertingRules) {
        for (const { matchers } of collectSelectors(rule.config.parsed)) this.add({ matchers, group, fed: false });
      }
    }
  }

  private add(selector: Selector): void {
    this.all.push(selector);
    const names = selector.matchers.filter((matcher) => matcher.name === METRIC_NAME);
    const exact = names.find((matcher) => matcher.operator === "=")?.value;
    const list = exact === undefined ? this.anyName : this.byName.get(exact);
    if (list) list.push(selector);
    else this.byName.set(exact!, [selector]);
  }

  /** Notes an arrival; the source with the groups that its series feed. */
  arrived(sourceId: number, columns: Pick<RowWriter, "columns" | "labels" | "epoch">, timeMs: number): Source {
    let source = this.sources.get(sourceId);
    if (!source) {
      source = { groups: new Set(), columnsSeen: 0, epoch: columns.epoch, lastArrivalMs: 0, intervalMs: 0 };
      this.sources.set(sourceId, source);
    }
    if (source.epoch !== columns.epoch) source.columnsSeen = 0;
    source.epoch = columns.epoch;
    for (; source.columnsSeen < columns.columns; source.columnsSeen++)
      this.match(source, columns.labels(source.columnsSeen));
    if (source.lastArrivalMs > 0) source.intervalMs = timeMs - source.lastArrivalMs;
    source.lastArrivalMs = timeMs;
    return source;
  }

  private match(source: Source, labels: Labels): void {
    const named = this.byName.get(labels.metricName) ?? [];
    for (const selector of named) this.matchSelector(source, selector, labels);
    for (const selector of this.anyName) this.matchSelector(source, selector, labels);
  }

  private matchSelector(source: Source, selector: Selector, labels: Labels): void {
    if (selector.fed && source.groups.has(selector.group)) return;
    if (!matchesAll(selector.matchers, labels)) return;
    selector.fed = true;
    source.groups.add(selector.group);
    const sources = this.sourcesOf.get(selector.group) ?? new Set();
    sources.add(source);
    this.sourcesOf.set(selector.group, sources);
  }

  /** The sources that feed a group. */
  feeding(group: RuleGroup): ReadonlySet<Source> {
    return this.sourcesOf.get(group) ?? new Set();
  }

  /** Groups with a selector that no target feeds: pushed data may. */
  openGroups(): Set<RuleGroup> {
    return new Set(this.all.filter((selector) => !selector.fed).map((selector) => selector.group));
  }

  /** Groups that read a metric of one of these names. */
  readers(names: Iterable<string>): Set<RuleGroup> {
    const readers = new Set<RuleGroup>();
    for (const name of names) for (const { group } of this.byName.get(name) ?? []) readers.add(group);
    return readers;
  }

  forgetSilent(nowMs: number): void {
    for (const [id, source] of this.sources) {
      if (nowMs - source.lastArrivalMs < FORGET_MS) continue;
      this.sources.delete(id);
      for (const group of source.groups) this.sourcesOf.get(group)?.delete(source);
    }
  }
}
