// Keeps the steps of range queries that will not change any more, so that a dashboard that is loaded again evaluates only
// what is new. An extent is the answer of a run of steps; it is right as long as no sample was written, deleted or
// dropped within the windows of its steps, which the store's change log tells.
import { Labels, type NativeHistogram } from "@storewatch/model";
import type { MatrixSeries } from "@storewatch/promql/engine";
import type { ChangeView } from "@storewatch/tsdb";
import { Counter, Gauge } from "prom-client";
import type { SelfMetrics } from "../kernel/self-metrics.ts";

export interface RangeKey {
  /** Whose data: see scopeKey. Of one scope entries are evicted first when it has more than its part of the room. */
  readonly scope: string;
  /** Everything else that the answer depends on but the times: expression, look-back, flags. */
  readonly question: string;
  readonly stepMs: number;
  /** See stepWindowMs. */
  readonly windowMs: number;
}

/** Steps from fromMs to toMs, both included; series sorted by their labels. */
export interface Extent {
  readonly fromMs: number;
  readonly toMs: number;
  readonly series: readonly MatrixSeries[];
}

interface Entry extends Extent {
  readonly scope: string;
  readonly bytes: number;
  /** Nothing in the windows of the steps has changed since. */
  mark: number;
}

const SERIES_BYTES = 200;
const ENTRY_BYTES = 500;
const HISTOGRAM_BYTES = 400;

export class RangeCache {
  /** The least recently used first. */
  private readonly entries = new Map<string, Entry>();
  private readonly bytesOf = new Map<string, number>();
  private bytes = 0;
  private readonly outcomes: Counter<"outcome">;

  constructor(
    private readonly changes: ChangeView,
    private readonly maxBytes: number,
    metrics: SelfMetrics,
  ) {
    this.outcomes = new Counter({
      name: "storewatch_query_cache_requests_total",
      help: "Range queries by what the result cache had of them: hit (all steps that can be kept), partial, miss, or bypass (not asked, or not cacheable).",
      labelNames: ["outcome"],
      registers: [metrics],
    });
    for (const outcome of ["hit", "partial", "miss", "bypass"]) this.outcomes.inc({ outcome }, 0);
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers: [metrics],
        collect() {
          this.set(read());
        },
      });
    gauge("storewatch_query_cache_bytes", "Memory that the result cache takes, about.", () => this.bytes);
    gauge("storewatch_query_cache_entries", "Questions that the result cache has steps of.", () => this.entries.size);
  }

  /** The steps that are kept of the question and still right, or undefined. To be called right after changes.mark(). */
  find(key: RangeKey, fromMs: number, mark: number): Extent | undefined {
    const name = nameOf(key, fromMs);
    const entry = this.entries.get(name);
    if (!entry) return undefined;
    const changedMs = this.changes.firstSince(entry.mark, entry.fromMs - key.windowMs, entry.toMs);
    let now = entry;
    if (changedMs !== undefined) {
      // Windows end at their step: a step before the change has seen nothing of it.
      const toMs = lastStepBefore(entry.fromMs, key.stepMs, changedMs);
      this.remove(name, entry);
      if (toMs < entry.fromMs) return undefined;
      const extent = cut(entry, entry.fromMs, toMs);
      now = { ...extent, scope: entry.scope, bytes: bytesOf(extent.series), mark };
      this.add(name, now);
    } else {
      entry.mark = mark;
      // Used last.
      this.entries.delete(name);
      this.entries.set(name, entry);
    }
    return now;
  }

  /** Keeps the steps, which were read after `mark`. */
  keep(key: RangeKey, extent: Extent, mark: number): void {
    const name = nameOf(key, extent.fromMs);
    const known = this.entries.get(name);
    if (known) this.remove(name, known);
    const bytes = bytesOf(extent.series) + 2 * name.length;
    if (bytes > this.maxBytes / 4) return;
    this.add(name, { ...extent, scope: key.scope, bytes, mark });
    this.evict(key.scope);
  }

  /** True when nothing changed in the windows of the extent since the mark. */
  holds(key: RangeKey, extent: Extent, mark: number): boolean {
    return this.changes.firstSince(mark, extent.fromMs - key.windowMs, extent.toMs) === undefined;
  }

  mark(): number {
    return this.changes.mark();
  }

  count(outcome: "hit" | "partial" | "miss" | "bypass"): void {
    this.outcomes.inc({ outcome });
  }

  private add(name: string, entry: Entry): void {
    this.entries.set(name, entry);
    this.bytes += entry.bytes;
    this.bytesOf.set(entry.scope, (this.bytesOf.get(entry.scope) ?? 0) + entry.bytes);
  }

  private remove(name: string, entry: Entry): void {
    this.entries.delete(name);
    this.bytes -= entry.bytes;
    const left = this.bytesOf.get(entry.scope)! - entry.bytes;
    if (left > 0) this.bytesOf.set(entry.scope, left);
    else this.bytesOf.delete(entry.scope);
  }

  /** One scope cannot push the others out: beyond half of the room its own entries go first. */
  private evict(scope: string): void {
    for (const [name, entry] of this.entries) {
      const isGreedy = this.bytesOf.get(scope)! > this.maxBytes / 2;
      if (!isGreedy && this.bytes <= this.maxBytes) return;
      if (!isGreedy || entry.scope === scope) this.remove(name, entry);
    }
  }
}

/** Steps of one question lie on one grid: its place within a step is part of the name. */
function nameOf({ scope, question, stepMs }: RangeKey, fromMs: number): string {
  const place = ((fromMs % stepMs) + stepMs) % stepMs;
  return `${scope}\n${stepMs}\n${place}\n${question}`;
}

function lastStepBefore(fromMs: number, stepMs: number, timeMs: number): number {
  return fromMs + Math.floor((timeMs - 1 - fromMs) / stepMs) * stepMs;
}

function bytesOf(series: readonly MatrixSeries[]): number {
  let bytes = ENTRY_BYTES;
  let shared: Float64Array | undefined;
  for (const { labels, timesMs, values, histograms } of series) {
    for (const text of labels.pairs) bytes += 2 * text.length;
    bytes += SERIES_BYTES + 8 * values.length;
    if (histograms) for (const one of histograms) bytes += one ? histogramBytes(one) : 8;
    if (timesMs === shared) continue;
    shared = timesMs;
    bytes += 8 * timesMs.length;
  }
  return bytes;
}

function histogramBytes({ positiveBuckets, negativeBuckets }: NativeHistogram): number {
  return HISTOGRAM_BYTES + 8 * (positiveBuckets.length + negativeBuckets.length);
}

/** The steps from fromMs to toMs, in memory of their own; series without a point there are left out. */
export function cut({ series }: Pick<Extent, "series">, fromMs: number, toMs: number): Extent {
  const found: MatrixSeries[] = [];
  let source: Float64Array | undefined;
  let cutTimes = new Float64Array(0);
  for (const one of series) {
    const start = firstAt(one.timesMs, fromMs);
    const end = firstAt(one.timesMs, toMs + 1);
    if (end === start) continue;
    // Series with a point at every step share their times, and go on sharing them.
    if (one.timesMs !== source) {
      source = one.timesMs;
      cutTimes = one.timesMs.slice(start, end);
    }
    const histograms = one.histograms?.slice(start, end);
    const kept = { labels: one.labels, timesMs: cutTimes, values: one.values.slice(start, end) };
    found.push(histograms ? { ...kept, histograms } : kept);
  }
  return { fromMs, toMs, series: found };
}

/** The first place whose time is not before timeMs. */
function firstAt(timesMs: Float64Array, timeMs: number): number {
  let low = 0;
  let high = timesMs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timesMs[middle] < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Extents that follow each other, as one. */
export function join(a: Extent, b: Extent): Extent {
  const series: MatrixSeries[] = [];
  const times = new JoinedTimes();
  let i = 0;
  let j = 0;
  while (i < a.series.length || j < b.series.length) {
    const order =
      i >= a.series.length ? 1 : j >= b.series.length ? -1 : Labels.compare(a.series[i].labels, b.series[j].labels);
    if (order < 0) series.push(a.series[i++]);
    else if (order > 0) series.push(b.series[j++]);
    else series.push(joinSeries(a.series[i++], b.series[j++], times));
  }
  return { fromMs: a.fromMs, toMs: b.toMs, series };
}

/** Arrays of times that are shared on both sides are shared in the result. */
class JoinedTimes {
  private left: Float64Array | undefined;
  private right: Float64Array | undefined;
  private both = new Float64Array(0);

  of(left: Float64Array, right: Float64Array): Float64Array {
    if (left !== this.left || right !== this.right) {
      this.left = left;
      this.right = right;
      this.both = concat(left, right);
    }
    return this.both;
  }
}

function joinSeries(a: MatrixSeries, b: MatrixSeries, times: JoinedTimes): MatrixSeries {
  const joined = { labels: a.labels, timesMs: times.of(a.timesMs, b.timesMs), values: concat(a.values, b.values) };
  if (!a.histograms && !b.histograms) return joined;
  return { ...joined, histograms: [...histogramsOf(a), ...histogramsOf(b)] };
}

function histogramsOf({ histograms, timesMs }: MatrixSeries): readonly (NativeHistogram | undefined)[] {
  return histograms ?? new Array(timesMs.length).fill(undefined);
}

function concat(a: Float64Array, b: Float64Array): Float64Array<ArrayBuffer> {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
