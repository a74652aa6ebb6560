// The rule engine on an in-memory store and a fake clock, for tests.
import { type LabelRecord, Labels, type PostableAlert, type Sample } from "@storewatch/model";
import { createEngine } from "@storewatch/promql/engine";
import { parseSeriesLine } from "@storewatch/promql/promqltest";
import { FakeClock } from "@storewatch/testkit";
import type { Arrival } from "@storewatch/tsdb";
import { Registry } from "prom-client";
import { silentLogger } from "../../kernel/logger.ts";
import type { HeldAlertFile, RuleDependencies } from "../interface.ts";
import { createRuleEngine, type RuleEngine } from "../rule-engine.ts";
import { parseRuleFile, type RuleGroupConfig } from "../rule-file.ts";
import { TestStore } from "../test-store.ts";

export interface HarnessOptions {
  readonly rules: string;
  readonly store?: TestStore;
  readonly startMs?: number;
  readonly externalLabels?: LabelRecord;
  readonly evaluationIntervalMs?: number;
  readonly budgetShare?: number;
  readonly queryOffsetMs?: number;
  readonly concurrency?: number;
  readonly held?: HeldAlertFile;
  /** Simulated time that each query takes. */
  readonly queryMs?: (expression: string) => number;
  readonly afterQuery?: () => void;
}

export interface Harness {
  readonly clock: FakeClock;
  readonly store: TestStore;
  readonly engine: RuleEngine;
  /** Everything that was handed to the notification side, oldest first. */
  readonly sent: PostableAlert[];
  /** Queries in order: `time expression`. */
  readonly queries: string[];
  /** A scrape target delivers one row; `series` as `name{…} value`. */
  scrape(target: number, series: readonly string[]): void;
  /** Pushed samples on the generic path. */
  push(series: readonly string[]): void;
  /** Set to make the next hand-overs of alerts fail. */
  sinkFails: boolean;
}

export function groupsOf(yaml: string, file = "test.yml"): readonly RuleGroupConfig[] {
  return parseRuleFile(file, yaml);
}

export function createHarness(options: HarnessOptions): Harness {
  const clock = new FakeClock(options.startMs ?? 1_700_000_000_000);
  const store = options.store ?? new TestStore();
  store.visibleUntilMs = Number.POSITIVE_INFINITY;
  const promql = createEngine({ clock });
  const listeners = new Set<(arrival: Arrival) => void>();
  const targets = new Map<number, Labels[]>();
  const announce = (sourceId: number) => {
    for (const listener of listeners) listener({ sourceId, timeMs: clock.nowMs() });
  };
  const dependencies: RuleDependencies = {
    async query(_, expression, timeMs) {
      harness.queries.push(`${timeMs} ${expression}`);
      const took = options.queryMs?.(expression) ?? 0;
      if (took > 0) await new Promise<void>((resolve) => clock.setTimer(took, resolve));
      options.afterQuery?.();
      const { value } = await promql.instant(store, { expression }, timeMs);
      if (value.type === "vector") return value.samples;
      return value.type === "scalar" ? [{ labels: Labels.empty, timeMs, value: value.value }] : [];
    },
    select: (_, matchers, fromMs, toMs) => store.select(matchers, fromMs, toMs),
    async append(_, samples) {
      store.append(samples);
      announce(0);
    },
    alerts: (alerts) => {
      if (harness.sinkFails) throw new Error("sink is down");
      harness.sent.push(...alerts);
    },
    onArrival(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    source(id) {
      const columns = targets.get(id);
      return columns && { columns: columns.length, epoch: 0, labels: (column) => columns[column] };
    },
  };
  const samplesOf = (series: readonly string[]): Sample[] =>
    series.map((text) => {
      const { labels, items } = parseSeriesLine(text);
      const item = items[0];
      const timeMs = clock.nowMs();
      return item.kind === "value" ? { labels, timeMs, value: item.value } : { labels, timeMs, value: 0, stale: true };
    });
  const harness: Harness = {
    clock,
    store,
    sent: [],
    queries: [],
    sinkFails: false,
    engine: createRuleEngine({
      ...dependencies,
      groups: groupsOf(options.rules),
      clock,
      logger: silentLogger,
      metrics: new Registry(),
      externalUrl: "http://storewatch.example",
      externalLabels: options.externalLabels ?? {},
      evaluationIntervalMs: options.evaluationIntervalMs,
      budgetShare: options.budgetShare,
      queryOffsetMs: options.queryOffsetMs,
      concurrency: options.concurrency,
      ...(options.held ? { held: options.held } : {}),
    }),
    scrape(target, series) {
      const samples = samplesOf(series);
      const columns = targets.get(target) ?? [];
      for (const { labels } of samples) if (!columns.some((known) => known.equals(labels))) columns.push(labels);
      targets.set(target, columns);
      store.append(samples);
      announce(target);
    },
    push(series) {
      store.append(samplesOf(series));
      announce(0);
    },
  };
  return harness;
}
