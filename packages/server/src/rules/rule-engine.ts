// The rule engine: runs every group at its interval, and alerting rules also when their data arrives.
import type { Clock, LabelRecord, Sample, TenantScope, Timer } from "@storewatch/model";
import type { Arrival } from "@storewatch/tsdb";
import type { Registry } from "prom-client";
import type { Logger } from "../kernel/logger.ts";
import { ArrivalScheduler } from "./arrival-scheduler.ts";
import type { JournalEntry } from "./evaluation-journal.ts";
import { TemplateExpander } from "./expand.ts";
import { FeedIndex } from "./feed-index.ts";
import type { RuleBoard, RuleDependencies } from "./interface.ts";
import type { RuleGroupConfig } from "./rule-file.ts";
import { type Occasion, type Rule, RuleGroup } from "./rule-group.ts";
import { createRuleMetrics, type RuleMetrics } from "./rule-metrics.ts";

export interface RuleEngineOptions extends RuleDependencies {
  readonly groups: readonly RuleGroupConfig[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly externalUrl: string;
  readonly externalLabels: LabelRecord;
  /** Interval of groups without one of their own. Default 1 min. */
  readonly evaluationIntervalMs?: number;
  /** Share of one core for evaluations on arrival. Default 0.1. */
  readonly budgetShare?: number;
}

export interface RuleEngine {
  /** Restores the state of alerts and starts evaluating. */
  start(): void;
  /** New groups; rules that stay keep their state. */
  reload(groups: readonly RuleGroupConfig[], settings?: RuleSettings): Promise<void>;
  /** Resolves when no evaluation is under way any more. */
  stop(): Promise<void>;
  readonly board: RuleBoard;
  /** When a group was evaluated, oldest first. */
  journal(file: string, group: string): readonly JournalEntry[];
}

/** What a reload may change besides the groups. */
export interface RuleSettings {
  readonly externalLabels?: LabelRecord;
  readonly evaluationIntervalMs?: number;
}

export function createRuleEngine(options: RuleEngineOptions): RuleEngine {
  return new Engine(options);
}

/** A group and its place in time. */
interface Scheduled {
  readonly group: RuleGroup;
  timer: Timer | undefined;
  /** Evaluations of one group follow each other. */
  last: Promise<void>;
}

const DEFAULT_INTERVAL_MS = 60_000;

class Engine implements RuleEngine {
  readonly board: RuleBoard = { groups: () => this.scheduled.map(({ group }) => group.view()) };
  private scheduled: Scheduled[] = [];
  private readonly expander: TemplateExpander;
  private readonly metrics: RuleMetrics;
  private index = new FeedIndex([]);
  private scheduler: ArrivalScheduler;
  private running = false;
  private unsubscribe = () => {};
  private externalLabels: LabelRecord;
  private intervalMs: number;
  /** Our own writes are no arrivals: counted while they are under way. */
  private appending = 0;

  constructor(private readonly options: RuleEngineOptions) {
    this.externalLabels = options.externalLabels;
    this.intervalMs = options.evaluationIntervalMs ?? DEFAULT_INTERVAL_MS;
    this.expander = new TemplateExpander(options.externalUrl);
    this.metrics = createRuleMetrics(options.metrics, (state) => this.alertCount(state));
    this.scheduler = this.newScheduler();
    this.adopt(options.groups.map((config) => this.newGroup(config)));
  }

  private newScheduler(): ArrivalScheduler {
    const { clock, budgetShare = 0.1 } = this.options;
    return new ArrivalScheduler({
      clock,
      budgetShare,
      feeding: (group) => this.index.feeding(group),
      evaluate: (group, arrivedAtMs) => this.evaluateOnArrival(group, arrivedAtMs),
    });
  }

  private newGroup(config: RuleGroupConfig): RuleGroup {
    const { clock } = this.options;
    return new RuleGroup(config, {
      dependencies: { ...this.options, append: (scope, samples) => this.append(scope, samples) },
      expander: this.expander,
      externalLabels: this.externalLabels,
      defaultIntervalMs: this.intervalMs,
      monotonicMs: () => clock.monotonicMs(),
      onRuleError: (group, rule, message) => this.ruleFailed(group, rule, message),
    });
  }

  private adopt(groups: readonly RuleGroup[]): void {
    this.scheduled = groups.map((group) => ({ group, timer: undefined, last: Promise.resolve() }));
    this.index = new FeedIndex(groups);
  }

  private alertCount(state: "pending" | "firing"): number {
    const views = this.scheduled.flatMap(({ group }) => group.alertingRules.map((rule) => rule.view().alerts));
    return views.flat().filter((alert) => alert.state === state).length;
  }

  private ruleFailed(group: RuleGroup, rule: Rule, message: string): void {
    this.metrics.failed();
    // Once for each new message: a broken rule fails at every evaluation.
    if (rule.status.lastError === message) return;
    this.options.logger.warn(
      { group: group.config.name, file: group.config.file, rule: rule.name, error: message },
      "rule failed",
    );
  }

  private async append(scope: TenantScope, samples: readonly Sample[]): Promise<unknown> {
    this.appending++;
    try {
      return await this.options.append(scope, samples);
    } finally {
      this.appending--;
    }
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    const nowMs = this.options.clock.nowMs();
    for (const { group } of this.scheduled) this.restore(group, nowMs);
    this.unsubscribe = this.options.onArrival((arrival) => this.arrived(arrival));
    for (const entry of this.scheduled) this.armTick(entry);
  }

  private restore(group: RuleGroup, nowMs: number): void {
    try {
      group.restore(nowMs);
    } catch (error) {
      // Alerts then start anew, which is what happens on an empty store too.
      this.options.logger.warn({ group: group.config.name, error: String(error) }, "state of alerts not restored");
    }
  }

  async stop(): Promise<void> {
    this.running = false;
    this.unsubscribe();
    this.scheduler.stop();
    for (const { timer } of this.scheduled) timer?.cancel();
    await Promise.all(this.scheduled.map(({ last }) => last));
  }

  async reload(groups: readonly RuleGroupConfig[], settings: RuleSettings = {}): Promise<void> {
    this.externalLabels = settings.externalLabels ?? this.externalLabels;
    this.intervalMs = settings.evaluationIntervalMs ?? this.intervalMs;
    const wasRunning = this.running;
    await this.stop();
    const old = new Map(this.scheduled.map(({ group }) => [group.key, group]));
    const next = groups.map((config) => this.newGroup(config));
    for (const group of next) {
      const before = old.get(group.key);
      if (before) group.adopt(before);
    }
    // Series that are left in an old group belong to rules that are gone.
    for (const group of old.values()) await group.retire(this.options.clock.nowMs());
    this.adopt(next);
    this.scheduler = this.newScheduler();
    if (!wasRunning) return;
    this.running = true;
    this.unsubscribe = this.options.onArrival((arrival) => this.arrived(arrival));
    for (const entry of this.scheduled) this.armTick(entry);
  }

  journal(file: string, name: string): readonly JournalEntry[] {
    const found = this.scheduled.find(({ group }) => group.config.file === file && group.config.name === name);
    return found?.group.journal.entries() ?? [];
  }

  private arrived({ sourceId }: Arrival): void {
    const columns = sourceId === 0 ? undefined : this.options.source(sourceId);
    const arrivedAtMs = this.options.clock.nowMs();
    if (columns) {
      const source = this.index.arrived(sourceId, columns, arrivedAtMs);
      for (const group of source.groups) this.scheduler.feed(group, arrivedAtMs);
    } else if (this.appending === 0) {
      for (const group of this.index.openGroups()) this.scheduler.feed(group, arrivedAtMs);
    }
  }

  /** Ticks lie at a fixed phase of the interval, spread by the group's name so that they do not come all at once. */
  private armTick(entry: Scheduled): void {
    const { clock } = this.options;
    const { group } = entry;
    const phaseMs = hash(group.key) % group.intervalMs;
    const nowMs = clock.nowMs();
    const dueMs = Math.floor((nowMs - phaseMs) / group.intervalMs + 1) * group.intervalMs + phaseMs;
    entry.timer = clock.setTimer(dueMs - nowMs, () => void this.tick(entry, dueMs));
  }

  private async tick(entry: Scheduled, dueMs: number): Promise<void> {
    const { group } = entry;
    const missed = Math.floor((this.options.clock.nowMs() - dueMs) / group.intervalMs);
    if (missed > 0) this.metrics.missed(missed);
    const startMs = this.options.clock.monotonicMs();
    // Shares the group's queue, so that an evaluation on arrival that is under way ends first.
    await this.run(entry, "tick", dueMs + Math.max(0, missed) * group.intervalMs, undefined);
    if (!this.running) return;
    this.scheduler.evaluated(group, this.options.clock.monotonicMs() - startMs, startMs);
    this.feedReaders(group);
    this.index.forgetSilent(this.options.clock.nowMs());
    this.armTick(entry);
  }

  /** What a group recorded is news for the groups that read it. */
  private feedReaders(group: RuleGroup): void {
    const names = group.rules.filter((rule) => rule.config.type === "recording").map((rule) => rule.name);
    for (const reader of this.index.readers(names)) {
      if (reader !== group) this.scheduler.feed(reader, this.options.clock.nowMs());
    }
  }

  private async evaluateOnArrival(group: RuleGroup, arrivedAtMs: number): Promise<void> {
    const entry = this.scheduled.find((candidate) => candidate.group === group);
    if (entry) await this.run(entry, "arrival", this.options.clock.nowMs(), arrivedAtMs);
  }

  private run(entry: Scheduled, occasion: Occasion, timeMs: number, arrivedAtMs: number | undefined): Promise<void> {
    const { clock } = this.options;
    entry.last = entry.last.then(async () => {
      if (!this.running) return;
      const { group } = entry;
      const started = clock.monotonicMs();
      // A tick keeps its nominal time; when an arrival came in between, time still has to move on.
      const atMs = timeMs > group.lastEvaluationMs ? timeMs : Math.max(clock.nowMs(), group.lastEvaluationMs + 1);
      try {
        await group.evaluate(atMs, occasion, arrivedAtMs);
      } catch (error) {
        // Rules report their own failures; this would be a fault of ours, and the next evaluation is to come all the same.
        this.options.logger.error({ group: group.config.name, error: String(error) }, "evaluation failed");
      }
      this.metrics.evaluated(occasion, (clock.monotonicMs() - started) / 1000);
    });
    return entry.last;
  }
}

/** FNV-1a, 32 bit. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}
