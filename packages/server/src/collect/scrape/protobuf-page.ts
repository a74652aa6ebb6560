// A page of io.prometheus.client.MetricFamily messages, each after its length. A series is known by the bytes of its
// labels as they stand in the message, so that those of the last page cost a comparison and no text is made of them.
import { type ProtobufError, ProtobufReader } from "../protobuf/reader.ts";
import { ClassicHistogram } from "./classic-histograms.ts";
import type { ExposedExemplar, MetricType } from "./exposition.ts";
import { canonicalBucketBound, formatGoFloat, goQuote } from "./go-text.ts";
import { DROPPED, LineCache, OWN_FIRST } from "./line-cache.ts";
import type { PageBuffer } from "./page-buffer.ts";
import type { HistogramOptions, PageReader } from "./page-parser.ts";
import { type MetadataSink, type PageTargets, SeriesRefused } from "./page-targets.ts";
import { HistogramMessage, readExemplar, readLabel } from "./protobuf-histogram.ts";

export interface ProtobufPageOptions {
  readonly targets: PageTargets;
  readonly metadata: MetadataSink;
  readonly histograms: HistogramOptions;
}

/** By number in MetricFamily.type. */
const TYPES: ReadonlyArray<MetricType> = ["counter", "gauge", "summary", "untyped", "histogram", "gaugehistogram"];
/** Field of a Metric that holds its value, by number of the type. */
const VALUE_FIELDS = [3, 2, 4, 5, 7, 7];
/** What one series costs, in known lines of a text page. */
const SERIES_COST = 10;

interface Family {
  readonly name: string;
  readonly type: number;
  /** Start and end of each metric on the page. */
  readonly metrics: readonly number[];
  /** The next one in `metrics`. */
  next: number;
}

export class ProtobufPage implements PageReader {
  private readonly cache = new LineCache();
  private reader = new ProtobufReader(new Uint8Array(0));
  private family: Family | undefined;
  /** What names a series in the cache: family, labels, then what is added for one of its series. */
  private key = Buffer.alloc(1024);
  private keyLength = 0;
  private readonly labelStarts: number[] = [];
  private timeMs: number | undefined;
  private series = 0;

  constructor(private readonly options: ProtobufPageOptions) {}

  start(page: PageBuffer): void {
    this.reader = new ProtobufReader(page.bytes, 0, page.length);
    this.family = undefined;
    this.series = 0;
  }

  step(budget: number): boolean {
    const { reader } = this;
    let left = budget;
    while (left > 0) {
      const { family } = this;
      if (!family || family.next >= family.metrics.length) {
        const end = reader.delimitedEnd();
        if (end === undefined) return true;
        this.family = this.readFamily(end);
        left -= SERIES_COST;
        continue;
      }
      const before = this.series;
      const behind = reader.position;
      this.readMetric(family, family.metrics[family.next], family.metrics[family.next + 1]);
      reader.seek(behind);
      family.next += 2;
      left -= SERIES_COST * (this.series - before);
    }
    return false;
  }

  accept(): void {
    if (this.cache.size > 2 * this.series + 1000) {
      this.cache.clear();
      this.options.targets.forget();
    }
  }

  private readFamily(end: number): Family {
    const { reader } = this;
    const metrics: number[] = [];
    let name = "";
    let help = "";
    let unit = "";
    let type = 0;
    while (reader.next(end)) {
      if (reader.field === 1) name = reader.string();
      else if (reader.field === 2) help = reader.string();
      else if (reader.field === 3) type = reader.uint32();
      else if (reader.field === 5) unit = reader.string();
      else if (reader.field === 4) {
        const metricEnd = reader.messageEnd();
        if (metricEnd > end) throw reader.error("a metric reaches past its family");
        metrics.push(reader.position, metricEnd);
        reader.seek(metricEnd);
      } else reader.skip();
    }
    if (metrics.length > 0) this.noteFamily(name, help, unit, type);
    return { name, type, metrics, next: 0 };
  }

  private noteFamily(name: string, help: string, unit: string, type: number): void {
    const { metadata } = this.options;
    if (name === "") throw this.reader.error("a metric family without a name");
    if (TYPES[type] === undefined) throw this.reader.error(`unknown metric type for metric ${goQuote(name)}: ${type}`);
    const base = TYPES[type] === "counter" && name.endsWith("_total") ? name.slice(0, -"_total".length) : name;
    if (unit !== "" && !base.endsWith(`_${unit}`)) {
      throw this.reader.error(`unit ${goQuote(unit)} not a suffix of metric ${goQuote(name)}`);
    }
    if (help !== "") metadata.help(name, help);
    metadata.type(name, TYPES[type]);
    if (unit !== "") metadata.unit(name, unit);
  }

  private readMetric(family: Family, start: number, end: number): void {
    const { reader } = this;
    const { labelStarts } = this;
    labelStarts.length = 0;
    let timeMs = 0;
    let valueStart = -1;
    let valueEnd = -1;
    reader.seek(start);
    while (reader.next(end)) {
      if (reader.field === 1) {
        labelStarts.push(reader.position);
        reader.skip();
      } else if (reader.field === 6) timeMs = reader.int64();
      else if (reader.field === VALUE_FIELDS[family.type]) {
        valueEnd = reader.messageEnd();
        valueStart = reader.position;
        if (valueEnd > end) throw reader.error("a value reaches past its metric");
        reader.seek(valueEnd);
      } else reader.skip();
    }
    this.startKey(family);
    // The format cannot tell a missing time from the year 1970.
    this.timeMs = timeMs === 0 ? undefined : this.options.targets.timeOf(timeMs);
    reader.seek(valueStart < 0 ? end : valueStart);
    this.readValue(family, valueStart < 0 ? end : valueEnd);
  }

  private readValue(family: Family, end: number): void {
    switch (TYPES[family.type]) {
      case "summary":
        this.readSummary(family, end);
        break;
      case "histogram":
      case "gaugehistogram":
        this.readHistogram(family, end);
        break;
      default:
        this.readNumber(family, end);
    }
  }

  /** Counter, gauge or untyped: a value, of a counter perhaps an exemplar. */
  private readNumber(family: Family, end: number): void {
    const { reader } = this;
    const isCounter = TYPES[family.type] === "counter";
    let value = 0;
    let exemplar: ExposedExemplar | undefined;
    while (reader.next(end)) {
      if (reader.field === 1) value = reader.double();
      else if (reader.field === 2 && isCounter) exemplar = readExemplar(reader);
      else reader.skip();
    }
    this.take(family, "", undefined, value, exemplar);
  }

  private readSummary(family: Family, end: number): void {
    const { reader } = this;
    const quantiles: Array<readonly [number, number]> = [];
    let count = 0;
    let sum = 0;
    while (reader.next(end)) {
      if (reader.field === 1) count = reader.uint64();
      else if (reader.field === 2) sum = reader.double();
      else if (reader.field === 3) quantiles.push(readQuantile(reader));
      else reader.skip();
    }
    this.take(family, "_count", undefined, count);
    this.take(family, "_sum", undefined, sum);
    for (const [quantile, value] of quantiles) this.take(family, "", ["quantile", quantile], value);
  }

  private readHistogram(family: Family, end: number): void {
    const { convertClassic, keepClassic, native } = this.options.histograms;
    const message = HistogramMessage.read(this.reader, end);
    const isGauge = TYPES[family.type] === "gaugehistogram";
    if (native && message.isNative) {
      this.takeNative(family, message, () => message.toNative(isGauge, this.reader));
      if (keepClassic && message.buckets.length > 0) this.takeClassic(family, message);
      return;
    }
    const converted = convertClassic && !isGauge && convertedOf(message);
    if (converted) this.takeNative(family, message, () => converted);
    else if (converted === undefined) this.options.targets.counts.broken += 1;
    if (converted === false || keepClassic) this.takeClassic(family, message);
  }

  private takeNative(
    family: Family,
    message: HistogramMessage,
    make: () => Parameters<PageTargets["takeHistogram"]>[2],
  ): void {
    const { targets } = this.options;
    const target = this.find(family, "", undefined, true);
    targets.counts.scraped += 1;
    if (target === DROPPED) return;
    if (targets.isFull) throw this.reader.error(targets.limitReason());
    targets.counts.kept += 1;
    const place = OWN_FIRST - target;
    this.orRefused(() => targets.takeHistogram(place, this.timeMs, make()));
    const own = message.exemplars.length > 0 ? message.exemplars : message.buckets.map(({ exemplar }) => exemplar);
    for (const exemplar of own) {
      if (exemplar?.timeMs !== undefined) targets.takeExemplar(targets.labelsAt(place), exemplar);
    }
  }

  private takeClassic(family: Family, message: HistogramMessage): void {
    this.take(family, "_count", undefined, message.count);
    this.take(family, "_sum", undefined, message.sum);
    for (const { bound, cumulative, exemplar } of message.buckets) {
      this.take(family, "_bucket", ["le", bound], cumulative, exemplar);
    }
    if (message.buckets.at(-1)?.bound !== Number.POSITIVE_INFINITY) {
      this.take(family, "_bucket", ["le", Number.POSITIVE_INFINITY], message.count);
    }
  }

  private take(
    family: Family,
    suffix: string,
    bound: readonly [string, number] | undefined,
    value: number,
    exemplar?: ExposedExemplar,
  ): void {
    const { targets } = this.options;
    const target = this.find(family, suffix, bound, this.timeMs !== undefined);
    targets.counts.scraped += 1;
    if (target === DROPPED) return;
    if (targets.isFull) throw this.reader.error(targets.limitReason());
    targets.counts.kept += 1;
    if (target >= 0) targets.takeCell(target, value);
    else targets.takeTimed(OWN_FIRST - target, this.timeMs!, value);
    if (!exemplar) return;
    const labels = target >= 0 ? targets.writer.labels(target) : targets.labelsAt(OWN_FIRST - target);
    targets.takeExemplar(labels, exemplar);
  }

  /** Family, labels: what all series of a metric share. */
  private startKey(family: Family): void {
    const { reader, labelStarts } = this;
    this.keyLength = 0;
    this.addToKey(Buffer.from(family.name));
    for (const start of labelStarts) {
      // With its length before it, so that two labels cannot be taken for one.
      reader.seekBytes(start);
      reader.skip();
      this.addToKey(reader.bytes.subarray(start, reader.position));
    }
  }

  private addToKey(bytes: Uint8Array): void {
    const length = this.keyLength + bytes.length + 1;
    // Room for what `find` adds.
    if (length + 32 > this.key.length) this.key = Buffer.concat([this.key], 2 * (length + 32));
    this.key.set(bytes, this.keyLength);
    this.key[length - 1] = 0xff;
    this.keyLength = length;
  }

  /** Where a series of the metric goes, as in the line cache: a column, a place (`own`), or nowhere. */
  private find(family: Family, suffix: string, bound: readonly [string, number] | undefined, own: boolean): number {
    this.series += 1;
    const { key, keyLength } = this;
    key[keyLength] = own ? 1 : 0;
    key.write(suffix, keyLength + 1, "latin1");
    let end = keyLength + 1 + suffix.length;
    if (bound) end = key.writeDoubleLE(bound[1], end);
    const known = this.cache.find(key, 0, end);
    if (known > 0) return this.cache.target[known];
    const target = this.newTarget(family.name + suffix, bound, own);
    this.cache.add(key, 0, end, target);
    return target;
  }

  private newTarget(metric: string, bound: readonly [string, number] | undefined, own: boolean): number {
    const { targets } = this.options;
    const { reader } = this;
    const behind = reader.position;
    const labels = this.labelStarts.map((start) => {
      reader.seekBytes(start);
      return readLabel(reader);
    });
    reader.seek(behind);
    if (bound) labels.push([bound[0], canonicalBucketBound(formatGoFloat(bound[1]))]);
    const resolved = this.orRefused(() => targets.resolve({ metric, labels }));
    if (!resolved) return DROPPED;
    if (targets.isFull) throw reader.error(targets.limitReason());
    return own ? OWN_FIRST - targets.place(resolved) : targets.column(resolved);
  }

  private orRefused<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw error instanceof SeriesRefused ? this.refusal(error) : error;
    }
  }

  private refusal(error: SeriesRefused): ProtobufError {
    return this.reader.error(error.message);
  }
}

function readQuantile(reader: ProtobufReader): readonly [quantile: number, value: number] {
  let quantile = 0;
  let value = 0;
  const end = reader.messageEnd();
  while (reader.next(end)) {
    if (reader.field === 1) quantile = reader.double();
    else if (reader.field === 2) value = reader.double();
    else reader.skip();
  }
  return [quantile, value];
}

function convertedOf(message: HistogramMessage) {
  const classic = new ClassicHistogram(0);
  classic.start(1);
  classic.take("count", Number.NaN, message.count);
  classic.take("sum", Number.NaN, message.sum);
  for (const { bound, cumulative } of message.buckets) classic.take("bucket", bound, cumulative);
  return classic.convert();
}
