// When a group is evaluated because its data arrived: at once if it may, within a budget of processor time.
//
// Beside its ticks a group runs once a second on the average, one more at once. No group takes more than a fifth of the
// budget: a dear one runs at most once in (its last cost / that share), and one that costs more than that share of its
// interval only at its ticks, for a few extra evaluations a minute would cost more than the scraping. Cheap groups go
// first. When a group is fed by several targets and the rest of the round is due within a moment, it waits for them, so
// that an expression over all targets sees one round and not two halves.
import type { Clock, Timer } from "@storewatch/model";
import type { Source } from "./feed-index.ts";
import type { RuleGroup } from "./rule-group.ts";

/** No group is evaluated more often because of arrivals. */
const SPACING_MS = 1000;
/** The rest of a round is waited for when it is due within this. */
const ROUND_HORIZON_MS = 300;
/** Of the budget, what one group may take. */
const GROUP_SHARE = 0.2;
/** Scrapes do not come to the millisecond. */
const ROUND_SLACK_MS = 30;
/** Above this many targets a group's data is always arriving: no round is waited for. */
const ROUND_SOURCES_MAX = 200;
/** Credit that can be saved up, at the least; a dearer group raises it to its own cost. */
const CREDIT_MS_MIN = 100;

export interface ArrivalSchedulerOptions {
  readonly clock: Clock;
  /** Share of one core for extra evaluations, 0 to 1. */
  readonly budgetShare: number;
  readonly feeding: (group: RuleGroup) => ReadonlySet<Source>;
  /** Evaluates; resolves when done. Never rejects. */
  readonly evaluate: (group: RuleGroup, arrivedAtMs: number) => Promise<void>;
}

interface Waiting {
  readonly group: RuleGroup;
  /** The first arrival since the last evaluation, wall time. */
  arrivedAtMs: number;
  /** Not before this, monotonic time. */
  dueMs: number;
}

interface Cost {
  /** Monotonic time up to which the evaluations on arrival so far would reach, each of them taking the spacing. */
  spacedToMs: number;
  lastCostMs: number;
}

export class ArrivalScheduler {
  private readonly waiting = new Map<RuleGroup, Waiting>();
  private readonly costs = new Map<RuleGroup, Cost>();
  private creditMs = CREDIT_MS_MIN;
  private creditAtMs: number;
  private timer: Timer | undefined;
  private running = false;
  private stopped = false;

  constructor(private readonly options: ArrivalSchedulerOptions) {
    this.creditAtMs = options.clock.monotonicMs();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.waiting.clear();
  }

  /** A group's data arrived, at `timeMs` wall time. */
  feed(group: RuleGroup, timeMs: number): void {
    if (this.stopped) return;
    const nowMs = this.options.clock.monotonicMs();
    const roundMs = this.roundRestMs(group, timeMs);
    const known = this.waiting.get(group);
    // The first arrival fixes the wait; later ones can only end it early, when the round is complete.
    const dueMs = Math.max(nowMs + roundMs, this.spacedMs(group));
    if (known) {
      if (roundMs > 0 || dueMs >= known.dueMs) return;
      known.dueMs = dueMs;
    } else this.waiting.set(group, { group, arrivedAtMs: timeMs, dueMs });
    this.arm();
  }

  /** The group is about to be evaluated at its tick, which deals with what has arrived; not with what comes meanwhile. */
  ticking(group: RuleGroup): void {
    this.waiting.delete(group);
  }

  /** The group has just been evaluated at its tick, which costs but does not put off the next arrival. */
  ticked(group: RuleGroup): void {
    const before = this.costs.get(group)?.spacedToMs ?? Number.NEGATIVE_INFINITY;
    this.costs.set(group, { spacedToMs: before, lastCostMs: costMsOf(group) });
  }

  /**
   * Once in the spacing on the average, and one more at once: with a strict distance a group whose first evaluation
   * came at another moment than its scrapes would come as late after every scrape.
   */
  private served(group: RuleGroup, startMs: number): void {
    const lastCostMs = costMsOf(group);
    const before = this.costs.get(group)?.spacedToMs ?? Number.NEGATIVE_INFINITY;
    this.costs.set(group, { spacedToMs: Math.max(before, startMs) + this.spacingMs(lastCostMs), lastCostMs });
  }

  private spacingMs(lastCostMs: number): number {
    return Math.max(SPACING_MS, lastCostMs / (this.options.budgetShare * GROUP_SHARE));
  }

  /** The earliest monotonic time of the group's next extra evaluation. */
  private spacedMs(group: RuleGroup): number {
    const cost = this.costs.get(group);
    if (!cost) return 0;
    return cost.spacedToMs - this.spacingMs(cost.lastCostMs);
  }

  /** How long until the last target of this round is due, if that is near; 0 when there is nothing to wait for. */
  private roundRestMs(group: RuleGroup, timeMs: number): number {
    const sources = this.options.feeding(group);
    if (sources.size < 2 || sources.size > ROUND_SOURCES_MAX) return 0;
    let restMs = 0;
    for (const source of sources) {
      if (source.intervalMs === 0 || source.lastArrivalMs === timeMs) continue;
      const untilMs = source.lastArrivalMs + source.intervalMs - timeMs;
      if (untilMs > -ROUND_SLACK_MS && untilMs <= ROUND_HORIZON_MS) restMs = Math.max(restMs, untilMs + ROUND_SLACK_MS);
    }
    return restMs;
  }

  private accrue(nowMs: number): void {
    let limit = CREDIT_MS_MIN;
    for (const { lastCostMs } of this.costs.values()) limit = Math.max(limit, lastCostMs);
    this.creditMs = Math.min(limit, this.creditMs + (nowMs - this.creditAtMs) * this.options.budgetShare);
    this.creditAtMs = nowMs;
  }

  private arm(): void {
    if (this.running || this.stopped) return;
    this.timer?.cancel();
    if (this.waiting.size === 0) return;
    const nowMs = this.options.clock.monotonicMs();
    this.accrue(nowMs);
    let earliest = Number.POSITIVE_INFINITY;
    for (const { group, dueMs } of this.waiting.values()) {
      const lacking = Math.max(0, this.costOf(group) - this.creditMs);
      earliest = Math.min(earliest, Math.max(dueMs, nowMs + lacking / this.options.budgetShare));
    }
    this.timer = this.options.clock.setTimer(Math.ceil(Math.max(0, earliest - nowMs)), () => void this.pump());
  }

  private costOf(group: RuleGroup): number {
    return this.costs.get(group)?.lastCostMs ?? 0;
  }

  /** The next group to run: due, affordable, the cheapest; what pages people counts as four times cheaper. */
  private next(nowMs: number): Waiting | undefined {
    let best: Waiting | undefined;
    let bestWeight = Number.POSITIVE_INFINITY;
    for (const candidate of this.waiting.values()) {
      const cost = this.costOf(candidate.group);
      if (candidate.dueMs > nowMs || cost > this.creditMs) continue;
      const weight = cost * (isCritical(candidate.group) ? 0.25 : 1);
      if (weight < bestWeight) {
        best = candidate;
        bestWeight = weight;
      }
    }
    return best;
  }

  private async pump(): Promise<void> {
    if (this.running || this.stopped) return;
    this.running = true;
    try {
      for (;;) {
        const startMs = this.options.clock.monotonicMs();
        this.accrue(startMs);
        const chosen = this.next(startMs);
        if (!chosen || this.stopped) break;
        this.waiting.delete(chosen.group);
        await this.options.evaluate(chosen.group, chosen.arrivedAtMs);
        this.served(chosen.group, startMs);
        this.creditMs -= this.costOf(chosen.group);
      }
    } finally {
      this.running = false;
    }
    this.arm();
  }
}

/** Without the time for which it waited its turn: a cheap group behind a dear one stays cheap. */
function costMsOf(group: RuleGroup): number {
  return group.evaluationSeconds * 1000;
}

function isCritical(group: RuleGroup): boolean {
  return group.alertingRules.some(
    (rule) => rule.config.labels.severity === "critical" || rule.config.labels.severity === "page",
  );
}
