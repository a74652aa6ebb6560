// The rule engine: runs every group at its interval, and alerting rules also when their data arrives.
import type { Clock, LabelRecord, Labels, Sample, TenantScope, Timer } from "@storewatch/model";
import type { Arrival } from "@storewatch/tsdb";
import type { Registry } from "prom-client";
import type { Logger } from "../kernel/logger.ts";
import type { AlertingRule } from "./alerting-rule.ts";
import { ArrivalScheduler } from "./arrival-scheduler.ts";
import type { JournalEntry } from "./evaluation-journal.ts";
import { TemplateExpander } from "./expand.ts";
import { FeedIndex } from "./feed-index.ts";
import type { HeldAlert, RuleBoard, RuleDependencies } from "./interface.ts";
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
  /** `query_offset` of groups without one of their own. Default 0. */
  readonly queryOffsetMs?: number;
  /** Groups that are evaluated at the same time; the rest waits its turn. Default 4. */
  readonly concurrency?: number;
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
  readonly queryOffsetMs?: number;
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
/** Evaluations share one thread: more at once only means more memory, and people's queries wait longer. */
const DEFAULT_CONCURRENCY = 4;

class Engine implements RuleEngine {
  readonly board: RuleBoard = { groups: () => this.scheduled.map(({ group }) => group.view()) };
  private scheduled: Scheduled[] = [];
  private readonly expander: TemplateExpander;
  private readonly metrics: RuleMetrics;
  private index = new FeedIndex([]);
  private scheduler: ArrivalScheduler;
  private running = false;
  /** Stopped for good. */
  private ended = false;
  private unsubscribe = () => {};
  private externalLabels: LabelRecord;
  private intervalMs: number;
  private queryOffsetMs: number;
  private readonly slots: Slots;
  /** Reloads follow each other. */
  private reloading: Promise<unknown> = Promise.resolve();
  private savingHeld: Promise<void> = Promise.resolve();
  /** Our own writes are no arrivals: counted while they are under way. */
  private appending = 0;

  constructor(private readonly options: RuleEngineOptions) {
    this.externalLabels = options.externalLabels;
    this.intervalMs = options.evaluationIntervalMs ?? DEFAULT_INTERVAL_MS;
    this.queryOffsetMs = options.queryOffsetMs ?? 0;
    this.slots = new Slots(options.concurrency ?? DEFAULT_CONCURRENCY);
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
      defaultQueryOffsetMs: this.queryOffsetMs,
      monotonicMs: () => clock.monotonicMs(),
      onRuleError: (group, rule, message) => this.ruleFailed(group, rule, message),
    });
  }

  private adopt(groups: readonly RuleGroup[]): void {
    this.scheduled = groups.map((group) => ({ group, timer: undefined, last: Promise.resolve() }));
    this.index = new FeedIndex(groups);
  }

  private alertCount(state: "pending" | "firing"): number {
    let count = 0;
    for (const { group } of this.scheduled) for (const rule of group.alertingRules) count += rule.count(state);
    return count;
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
    if (this.running || this.ended) return;
    this.restore(this.options.clock.nowMs());
    this.run();
  }

  private run(): void {
    this.running = true;
    this.unsubscribe = this.options.onArrival((arrival) => this.arrived(arrival));
    for (const entry of this.scheduled) this.armTick(entry);
  }

  private restore(nowMs: number): void {
    const byName = new Map<string, AlertingRule[]>();
    for (const rule of this.scheduled.flatMap(({ group }) => group.alertingRules)) {
      const named = byName.get(rule.name);
      if (named) named.push(rule);
      else byName.set(rule.name, [rule]);
    }
    const owners = (labels: Labels) =>
      (byName.get(labels.get("alertname")) ?? []).filter((rule) => rule.mayOwn(labels)).length;
    const held = this.options.held?.load() ?? new Map<string, readonly HeldAlert[]>();
    for (const { group } of this.scheduled) {
      try {
        group.restore(nowMs, owners, held);
      } catch (error) {
        // Alerts then start anew, which is what happens on an empty store too.
        this.options.logger.warn({ group: group.config.name, error: String(error) }, "state of alerts not restored");
      }
    }
  }

  async stop(): Promise<void> {
    this.ended = true;
    await this.halt();
    await this.reloading;
    await this.savingHeld;
  }

  private async halt(): Promise<void> {
    this.running = false;
    this.unsubscribe();
    this.scheduler.stop();
    for (const { timer } of this.scheduled) timer?.cancel();
    await Promise.all(this.scheduled.map(({ last }) => last));
  }

  reload(groups: readonly RuleGroupConfig[], settings: RuleSettings = {}): Promise<void> {
    const done = this.reloading.then(() => this.replace(groups, settings));
    this.reloading = done.catch(() => {});
    return done;
  }

  private async replace(groups: readonly RuleGroupConfig[], settings: RuleSettings): Promise<void> {
    this.externalLabels = settings.externalLabels ?? this.externalLabels;
    this.intervalMs = settings.evaluationIntervalMs ?? this.intervalMs;
    this.queryOffsetMs = settings.queryOffsetMs ?? this.queryOffsetMs;
    const wasRunning = this.running;
    await this.halt();
    const old = new Map(this.scheduled.map(({ group }) => [group.key, group]));
    const next = groups.map((config) => this.newGroup(config));
    for (const group of next) {
      const before = old.get(group.key);
      if (before) group.adopt(before);
    }
    await this.retire([...old.values()]);
    this.adopt(next);
    this.scheduler = this.newScheduler();
    if (wasRunning && !this.ended) this.run();
  }

  /** Series that are left in an old group belong to rules that are gone. */
  private async retire(groups: readonly RuleGroup[]): Promise<void> {
    try {
      for (const group of groups) await group.retire(this.options.clock.nowMs());
    } catch (error) {
      // They then end with the lookback of queries; the new rules matter more.
      this.options.logger.warn({ error: String(error) }, "series of rules that are gone not ended");
    }
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
    this.scheduler.ticking(group);
    // Shares the group's queue, so that an evaluation on arrival that is under way ends first.
    await this.evaluate(entry, "tick", dueMs + Math.max(0, missed) * group.intervalMs, undefined);
    if (!this.running) return;
    this.scheduler.ticked(group);
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
    if (entry) await this.evaluate(entry, "arrival", this.options.clock.nowMs(), arrivedAtMs);
  }

  private evaluate(
    entry: Scheduled,
    occasion: Occasion,
    timeMs: number,
    arrivedAtMs: number | undefined,
  ): Promise<void> {
    entry.last = entry.last.then(async () => {
      if (!this.running) return;
      const release = await this.slots.take();
      try {
        if (this.running) await this.evaluateNow(entry.group, occasion, timeMs, arrivedAtMs);
      } finally {
        release();
      }
    });
    return entry.last;
  }

  private async evaluateNow(
    group: RuleGroup,
    occasion: Occasion,
    timeMs: number,
    arrivedAtMs: number | undefined,
  ): Promise<void> {
    const { clock, logger } = this.options;
    const started = clock.monotonicMs();
    // A tick keeps its nominal time; when an arrival came in between, time still has to move on.
    const atMs = timeMs > group.lastEvaluationMs ? timeMs : Math.max(clock.nowMs(), group.lastEvaluationMs + 1);
    try {
      await group.evaluate(atMs, occasion, arrivedAtMs);
      this.keepHeld(group);
    } catch (error) {
      // Rules report their own failures; this would be a fault of ours, and the next evaluation is to come all the same.
      logger.error({ group: group.config.name, error: String(error) }, "evaluation failed");
    }
    this.metrics.evaluated(occasion, (clock.monotonicMs() - started) / 1000);
  }

  private keepHeld(group: RuleGroup): void {
    const { held } = this.options;
    // Every rule is asked, so that none keeps an old answer.
    const changed = group.alertingRules.filter((rule) => rule.takeHeldChange());
    if (!held || changed.length === 0) return;
    const all = new Map<string, readonly HeldAlert[]>();
    for (const { group: one } of this.scheduled) {
      for (const rule of one.alertingRules) {
        const alerts = rule.held();
        if (alerts.length > 0) all.set(one.identityOf(rule), alerts);
      }
    }
    this.savingHeld = held.save(all);
  }
}

/** Lets `count` callers pass at once, the others in the order in which they came. */
class Slots {
  private readonly waiting: Array<() => void> = [];

  constructor(private free: number) {}

  /** Resolves to what gives the place back. */
  async take(): Promise<() => void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    return () => {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    };
  }
}

/** FNV-1a, 32 bit. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}
