// Runs collectors: in parallel with a bound, each with its time limit, none in the way of another.
import type { Clock, Timer } from "@storewatch/model";
import type { Logger } from "../kernel/logger.ts";
import { Families } from "./families.ts";
import { type Collector, type MetricFamily, NothingToCollect } from "./interface.ts";

export interface RunnerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time limit of a collector that names none, ms. */
  readonly timeoutMs: number;
  /** How many collectors run at once. */
  readonly parallel: number;
}

interface Outcome {
  readonly families: readonly MetricFamily[];
  readonly durationMs: number;
  readonly failure: Error | undefined;
  /** Monotonic. */
  readonly endMs: number;
}

interface Slot {
  readonly collector: Collector;
  /** The run that goes on; whoever scrapes meanwhile gets the same. */
  running: Promise<Outcome> | undefined;
  last: Outcome | undefined;
  /** What the log was told last, so that a failure that lasts is one line. */
  told: string | undefined;
}

const SUCCESS = "node_scrape_collector_success";
const DURATION = "node_scrape_collector_duration_seconds";

export class CollectorRunner {
  private readonly slots: ReadonlyMap<string, Slot>;
  private readonly stopped = new AbortController();

  constructor(
    collectors: readonly Collector[],
    private readonly options: RunnerOptions,
  ) {
    this.slots = new Map(
      collectors.map((collector) => [
        collector.name,
        { collector, running: undefined, last: undefined, told: undefined },
      ]),
    );
  }

  get names(): readonly string[] {
    return [...this.slots.keys()];
  }

  /** Runs the named collectors and gives what each said, at the end how they did. Never rejects. */
  async collect(names: readonly string[] = this.names): Promise<ReadonlyArray<readonly MetricFamily[]>> {
    const waiting = names.flatMap((name) => this.slots.get(name) ?? []);
    const outcomes: Array<readonly [string, Outcome]> = [];
    const work = async () => {
      for (let slot = waiting.shift(); slot; slot = waiting.shift()) {
        outcomes.push([slot.collector.name, await this.withLimit(slot)]);
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.options.parallel, waiting.length) }, work));
    const own = new Families();
    for (const [collector, { durationMs, failure }] of outcomes) {
      own.gauge(DURATION, "node_exporter: Duration of a collector scrape.", durationMs / 1000, { collector });
      own.gauge(SUCCESS, "node_exporter: Whether a collector succeeded.", failure ? 0 : 1, { collector });
    }
    return [...outcomes.map(([, { families }]) => families), own.list()];
  }

  /** Ends what runs and frees what the collectors hold. */
  async close(): Promise<void> {
    this.stopped.abort(new Error("the agent stops"));
    await Promise.allSettled([...this.slots.values()].map(({ collector }) => collector.close?.()));
  }

  /** The outcome, or a failure when the time is over; the run itself may then still go on. */
  private async withLimit(slot: Slot): Promise<Outcome> {
    const { clock } = this.options;
    const startMs = clock.monotonicMs();
    const { last, collector } = slot;
    if (last && !last.failure && startMs - last.endMs < (collector.cacheMs ?? 0)) return last;
    const timeoutMs = collector.timeoutMs ?? this.options.timeoutMs;
    let timer: Timer | undefined;
    const late = new Promise<Outcome>((resolve) => {
      timer = clock.setTimer(timeoutMs, () => {
        const failure = new Error(`not done after ${timeoutMs / 1000} s`);
        this.tell(slot, failure);
        const endMs = clock.monotonicMs();
        resolve({ families: [], durationMs: endMs - startMs, failure, endMs });
      });
    });
    slot.running ??= this.run(slot, timeoutMs);
    try {
      return await Promise.race([slot.running, late]);
    } finally {
      timer?.cancel();
    }
  }

  private async run(slot: Slot, timeoutMs: number): Promise<Outcome> {
    const { clock } = this.options;
    const startMs = clock.monotonicMs();
    const limit = new AbortController();
    const timer = clock.setTimer(timeoutMs, () => limit.abort(new Error("the time limit is over")));
    let families: readonly MetricFamily[] = [];
    let failure: Error | undefined;
    try {
      families = await slot.collector.collect(AbortSignal.any([limit.signal, this.stopped.signal]));
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    timer.cancel();
    const endMs = clock.monotonicMs();
    const outcome: Outcome = { families, durationMs: endMs - startMs, failure, endMs };
    slot.running = undefined;
    slot.last = outcome;
    if (!limit.signal.aborted) this.tell(slot, failure);
    return outcome;
  }

  private tell(slot: Slot, failure: Error | undefined): void {
    const collector = slot.collector.name;
    const reason = failure?.message;
    if (reason === slot.told) return;
    slot.told = reason;
    if (failure === undefined) this.options.logger.info({ collector }, "the collector works again");
    else if (failure instanceof NothingToCollect)
      this.options.logger.debug({ collector, reason }, "nothing to collect");
    else this.options.logger.warn({ collector, reason }, "a collector failed");
  }
}
