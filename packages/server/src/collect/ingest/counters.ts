// Running totals: some clients send what was added since the last time, Prometheus' counters are what was added since ever.
import { type Clock, type Labels, METRIC_NAME, type Sample, TENANT_LABEL, type TenantId } from "@storewatch/model";

interface Total {
  readonly labels: Labels;
  value: number;
  /** Of the newest sample. */
  timeMs: number;
  touchedMs: number;
  toldMs: number;
}

export interface RunningTotalsOptions {
  readonly clock: Clock;
  /**
   * More series than this are not counted: `add` gives nothing for them. When half of the room is used, a shop that has a
   * quarter of it gets no more, so that it leaves some to the others. Default 400,000.
   */
  readonly seriesMax?: number;
}

const SERIES_MAX = 400_000;
/** A total that nothing is added to is told again this often: readers look back five minutes only. */
const REPEAT_MS = 60_000;
/** After this long without an addition it ends, and would start from 0 again: a reset, as readers of counters know it. */
export const COUNTER_IDLE_MS = 3_600_000;

/** Totals since this process started. A restart looks like the restart of a client: the counter resets. */
export class RunningTotals {
  private readonly totals = new Map<string, Total>();
  private readonly countOf = new Map<string, number>();

  constructor(private readonly options: RunningTotalsOptions) {}

  /**
   * The samples that stand for "`delta` more at `timeMs`". A series' first one is led by a 0 at `sinceMs`, when its counting
   * began, so that increase() sees the first addition too. Undefined: there are too many series.
   */
  add(labels: Labels, delta: number, sinceMs: number, timeMs: number): Sample[] | undefined {
    const nowMs = this.options.clock.monotonicMs();
    const known = this.totals.get(labels.key);
    if (known) {
      known.value += delta;
      known.touchedMs = nowMs;
      known.toldMs = nowMs;
      // Additions that come late must not write into the past of their total.
      known.timeMs = Math.max(known.timeMs + 1, timeMs);
      return [{ labels, timeMs: known.timeMs, value: known.value }];
    }
    const tenant = labels.get(TENANT_LABEL);
    if (!this.hasRoom(tenant)) return undefined;
    this.count(tenant, 1);
    this.totals.set(labels.key, { labels, value: delta, timeMs, touchedMs: nowMs, toldMs: nowMs });
    const first: Sample = { labels, timeMs, value: delta };
    return sinceMs < timeMs ? [{ labels, timeMs: sinceMs, value: 0 }, first] : [first];
  }

  /** Lets go a shop's totals without a word. */
  forget(tenant: TenantId): void {
    for (const [key, { labels }] of this.totals) if (labels.get(TENANT_LABEL) === tenant) this.totals.delete(key);
    this.countOf.delete(tenant);
  }

  private hasRoom(tenant: string): boolean {
    const most = this.options.seriesMax ?? SERIES_MAX;
    const { size } = this.totals;
    return size < most / 2 || (size < most && (this.countOf.get(tenant) ?? 0) < most / 4);
  }

  private count(tenant: string, change: number): void {
    const now = (this.countOf.get(tenant) ?? 0) + change;
    if (now > 0) this.countOf.set(tenant, now);
    else this.countOf.delete(tenant);
  }

  /** What must be told again by now, and the ends of totals that nobody adds to. To be asked every few seconds. */
  due(): Sample[] {
    const nowMs = this.options.clock.monotonicMs();
    const timeMs = this.options.clock.nowMs();
    const samples: Sample[] = [];
    for (const [key, total] of this.totals) {
      if (nowMs - total.toldMs < REPEAT_MS || total.timeMs >= timeMs) continue;
      const isOver = nowMs - total.touchedMs > COUNTER_IDLE_MS;
      samples.push({ labels: total.labels, timeMs, value: total.value, ...(isOver ? { stale: true } : {}) });
      total.toldMs = nowMs;
      total.timeMs = timeMs;
      if (!isOver) continue;
      this.totals.delete(key);
      this.count(total.labels.get(TENANT_LABEL), -1);
    }
    return samples;
  }
}

/** Upper bounds in seconds, for what is a time. */
export const SECONDS_BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
/** Upper bounds where nothing is known of the values: sizes, counts, money. */
export const WIDE_BOUNDS: readonly number[] = [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap(
  (power) => [Number(`1e${power}`), Number(`5e${power}`)],
);

/** Counts by bucket since the last time they were taken. */
export class BucketCounts {
  private readonly counts: Float64Array;
  private sum = 0;
  private count = 0;

  constructor(readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** `weight` observations of the value: a client that samples one in ten has a weight of 10. */
  observe(value: number, weight = 1): void {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= this.bounds[middle]) high = middle;
      else low = middle + 1;
    }
    this.counts[low] += weight;
    this.sum += value * weight;
    this.count += weight;
  }

  /** The additions to `_bucket` (cumulative over `le`), `_sum` and `_count`. */
  *additions(labels: Labels): IterableIterator<readonly [Labels, number]> {
    const name = labels.metricName;
    const bucket = labels.with(METRIC_NAME, `${name}_bucket`);
    let below = 0;
    for (const [i, count] of this.counts.entries()) {
      below += count;
      yield [bucket.with("le", i < this.bounds.length ? String(this.bounds[i]) : "+Inf"), below];
    }
    yield [labels.with(METRIC_NAME, `${name}_sum`), this.sum];
    yield [labels.with(METRIC_NAME, `${name}_count`), this.count];
  }
}
