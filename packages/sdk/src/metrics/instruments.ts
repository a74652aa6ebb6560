// Counters, gauges and histograms that a shop can call from anywhere: they never throw, whatever they are given.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { currentContext } from "../context/store.ts";
import type { Guard } from "../guard.ts";
import { UNKNOWN_TENANT } from "../tenant/tenant-id.ts";
import { SeriesBook, type SeriesBudget } from "./series-budget.ts";

/** Label values; `tenant_id` is that of the current request when it is not given. */
export type LabelValues = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SafeCounter {
  inc(labels?: LabelValues, value?: number): void;
}
export interface SafeGauge {
  set(labels: LabelValues, value: number): void;
  inc(labels?: LabelValues, value?: number): void;
  dec(labels?: LabelValues, value?: number): void;
}
export interface SafeHistogram {
  /** `value` in the unit of the metric's name: seconds for `…_seconds`. */
  observe(labels: LabelValues, value: number): void;
}

export interface InstrumentOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Labels that keep their value when a tenant's further series are rolled up. */
  readonly keptLabels?: readonly string[];
}

const NO_COUNTER: SafeCounter = { inc: () => undefined };
const NO_GAUGE: SafeGauge = { set: () => undefined, inc: () => undefined, dec: () => undefined };
const NO_HISTOGRAM: SafeHistogram = { observe: () => undefined };
const NO_LABELS: LabelValues = {};

/** Makes instruments in one registry. What cannot be made (a bad name, a name of another kind) does nothing. */
export class Instruments {
  private readonly registry: Registry;
  private readonly budget: SeriesBudget;
  private readonly guard: Guard;
  private readonly made = new Map<string, { kind: string; instrument: unknown }>();

  constructor(registry: Registry, budget: SeriesBudget, guard: Guard) {
    this.registry = registry;
    this.budget = budget;
    this.guard = guard;
  }

  counter(options: InstrumentOptions): SafeCounter {
    return this.once("counter", options.name, NO_COUNTER, () => {
      const counter = new Counter(this.config(options));
      const book = this.book(options, 1);
      return {
        inc: (labels = NO_LABELS, value = 1) => {
          this.safely(() => {
            // Before a series is booked: what prom-client refuses must leave no trace.
            if (typeof value !== "number" || !(value >= 0) || value === Number.POSITIVE_INFINITY)
              throw new RangeError(`${options.name}: ${value}`);
            counter.inc(book.labels(this.withTenant(options, labels)), value);
          });
        },
      };
    });
  }

  gauge(options: InstrumentOptions): SafeGauge {
    return this.once("gauge", options.name, NO_GAUGE, () => {
      const gauge = new Gauge(this.config(options));
      const book = this.book(options, 1);
      const change = (apply: (labels: Record<string, string>, value: number) => void) => {
        return (labels: LabelValues = NO_LABELS, value = 1) => {
          this.safely(() => {
            if (typeof value !== "number") throw new TypeError(`${options.name}: not a number`);
            apply(book.labels(this.withTenant(options, labels)), value);
          });
        };
      };
      return {
        set: change((labels, value) => gauge.set(labels, value)),
        inc: change((labels, value) => gauge.inc(labels, value)),
        dec: change((labels, value) => gauge.dec(labels, value)),
      };
    });
  }

  histogram(options: InstrumentOptions & { readonly buckets?: readonly number[] }): SafeHistogram {
    return this.once("histogram", options.name, NO_HISTOGRAM, () => {
      const { buckets } = options;
      const histogram = new Histogram({ ...this.config(options), ...(buckets ? { buckets: [...buckets] } : {}) });
      const book = this.book(options, (buckets?.length ?? 11) + 3);
      return {
        observe: (labels, value) => {
          this.safely(() => {
            if (!Number.isFinite(value)) throw new RangeError(`${options.name}: ${value}`);
            histogram.observe(book.labels(this.withTenant(options, labels)), value);
          });
        },
      };
    });
  }

  /** The same name gives the same instrument, so that a module may ask for it wherever it is needed. */
  once<T>(kind: string, name: string, otherwise: T, make: () => T): T {
    const known = this.made.get(name);
    if (known !== undefined) {
      if (known.kind === kind) return known.instrument as T;
      this.guard.failed("metrics", new Error(`metric ${name} is a ${known.kind} already, not a ${kind}`));
      return otherwise;
    }
    const instrument = this.guard.run("metrics", make, otherwise);
    // Also when it failed: the reason is said once, not with every call.
    this.made.set(name, { kind, instrument });
    return instrument;
  }

  book(options: InstrumentOptions, weight: number): SeriesBook {
    const { name, labelNames = [], keptLabels } = options;
    return new SeriesBook({ name, labelNames, weight, ...(keptLabels ? { kept: keptLabels } : {}) }, this.budget);
  }

  private config(options: InstrumentOptions) {
    const { name, help, labelNames = [] } = options;
    return { name, help, labelNames: [...labelNames], registers: [this.registry] };
  }

  private withTenant(options: InstrumentOptions, labels: LabelValues): LabelValues {
    if (labels.tenant_id !== undefined || !options.labelNames?.includes("tenant_id")) return labels;
    return { ...labels, tenant_id: currentContext()?.tenantId ?? UNKNOWN_TENANT };
  }

  private safely(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.guard.failed("metrics", error);
    }
  }
}
