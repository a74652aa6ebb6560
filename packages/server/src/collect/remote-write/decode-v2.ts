// Remote write 2.0: io.prometheus.write.v2.Request. Every text stands once in a table of symbols.
//
//   Request { symbols 4 (text, the first is empty), timeseries 5: { label refs 1 (name, value, name, …), samples 2 { value 1,
//             time 2 }, histograms 3, exemplars 4 { label refs 1, value 2, time 3 }, metadata 5 { type 1, help ref 3,
//             unit ref 4 }, created 6 (ms) } }
import type { Labels, MetricMetadata, Sample, SeriesExemplar } from "@storewatch/model";
import { Refusals } from "../intake/refusals.ts";
import { ProtobufError, ProtobufReader } from "../protobuf/reader.ts";
import { type DecodedWrite, takeExemplar, takeHistogram } from "./decode-v1.ts";
import { readHistogram } from "./histogram-codec.ts";
import { metricTypeName } from "./metric-types.ts";
import { BadLabels, labelsOfPairs, type SymbolCache } from "./series-cache.ts";

interface PendingExemplar {
  readonly refs: number[];
  value: number;
  timeMs: number;
}

type HistogramDraft = ReturnType<typeof readHistogram>;

export class WriteRequestV2Decoder {
  private readonly reader: ProtobufReader;
  private readonly symbols: string[];
  /** By symbol, its number in the cache. */
  private readonly ids: number[];
  private readonly samples: Sample[] = [];
  private readonly exemplars: SeriesExemplar[] = [];
  private readonly metadata = new Map<string, MetricMetadata>();
  private readonly zeros: Sample[] = [];
  private readonly refusals = new Refusals();
  // Of the series at hand.
  private readonly refs: number[] = [];
  private readonly values: number[] = [];
  private readonly times: number[] = [];
  private readonly stales: boolean[] = [];
  private histograms: HistogramDraft[] = [];
  private pending: PendingExemplar[] = [];
  private told: { type: number; help: number; unit: number } | undefined;
  private createdMs = 0;

  /** Throws ProtobufError. */
  constructor(
    bytes: Uint8Array,
    private readonly cache: SymbolCache,
  ) {
    this.symbols = readSymbols(bytes);
    if (this.symbols.length > 0 && this.symbols[0] !== "") {
      throw new ProtobufError("the first symbol must be the empty text", 0);
    }
    this.ids = cache.idsOf(this.symbols);
    this.reader = new ProtobufReader(bytes);
  }

  /** Goes on for about this many series; false at the end. Throws ProtobufError. */
  step(seriesMax: number): boolean {
    const { reader } = this;
    let left = seriesMax;
    while (left > 0) {
      if (!reader.next(reader.end)) return false;
      if (reader.field === 5) {
        this.readSeries(reader.messageEnd());
        left--;
      } else reader.skip();
    }
    return true;
  }

  result(): DecodedWrite {
    const { samples, exemplars, metadata, zeros } = this;
    return { samples, exemplars, metadata, zeros, refusals: this.refusals.list() };
  }

  private readSeries(end: number): void {
    const { reader } = this;
    this.clear();
    while (reader.next(end)) {
      switch (reader.field) {
        case 1:
          reader.repeatedUint32(this.refs);
          break;
        case 2:
          this.readSample(reader.messageEnd());
          break;
        case 3:
          this.histograms.push(readHistogram(reader, reader.messageEnd()));
          break;
        case 4:
          this.pending.push(this.readExemplar(reader.messageEnd()));
          break;
        case 5:
          this.told = this.readMetadata(reader.messageEnd());
          break;
        case 6:
          this.createdMs = reader.int64();
          break;
        default:
          reader.skip();
      }
    }
    const labels = this.labels();
    if (labels) this.take(labels);
  }

  private clear(): void {
    this.refs.length = 0;
    this.values.length = 0;
    this.times.length = 0;
    this.stales.length = 0;
    if (this.histograms.length > 0) this.histograms = [];
    if (this.pending.length > 0) this.pending = [];
    this.told = undefined;
    this.createdMs = 0;
  }

  private readSample(end: number): void {
    const { reader } = this;
    let value = 0;
    let timeMs = 0;
    let stale = false;
    while (reader.next(end)) {
      if (reader.field === 1) {
        stale = reader.isStaleNext();
        value = reader.double();
      } else if (reader.field === 2) timeMs = reader.int64();
      else reader.skip();
    }
    this.values.push(value);
    this.times.push(timeMs);
    this.stales.push(stale);
  }

  private readExemplar(end: number): PendingExemplar {
    const { reader } = this;
    const exemplar: PendingExemplar = { refs: [], value: 0, timeMs: 0 };
    while (reader.next(end)) {
      if (reader.field === 1) reader.repeatedUint32(exemplar.refs);
      else if (reader.field === 2) exemplar.value = reader.double();
      else if (reader.field === 3) exemplar.timeMs = reader.int64();
      else reader.skip();
    }
    return exemplar;
  }

  private readMetadata(end: number): { type: number; help: number; unit: number } {
    const { reader } = this;
    const told = { type: 0, help: 0, unit: 0 };
    while (reader.next(end)) {
      if (reader.field === 1) told.type = reader.uint32();
      else if (reader.field === 3) told.help = reader.uint32();
      else if (reader.field === 4) told.unit = reader.uint32();
      else reader.skip();
    }
    return told;
  }

  /** Undefined when they cannot be stored. */
  private labels(): Labels | undefined {
    try {
      return this.cache.labels(this.refs, this.ids, () => labelsOfPairs(this.pairs(this.refs)));
    } catch (error) {
      if (!(error instanceof BadLabels)) throw error;
      const lost = Math.max(1, this.values.length + this.histograms.length);
      this.refusals.add("invalid", lost, () => `invalid labels for a series: ${error.message}`);
      return undefined;
    }
  }

  private pairs(refs: readonly number[]): string[] {
    if (refs.length % 2 !== 0) throw new BadLabels("a label without a value");
    return refs.map((ref) => this.symbol(ref));
  }

  private symbol(ref: number): string {
    const text = this.symbols[ref];
    if (text === undefined) throw this.reader.error(`symbol ${ref} of ${this.symbols.length}`);
    return text;
  }

  private take(labels: Labels): void {
    const { values, times, stales, histograms } = this;
    if (values.length === 0 && histograms.length === 0 && this.pending.length === 0) {
      this.refusals.add("invalid", 1, () => `${labels}: a series without samples`);
      return;
    }
    const before = this.samples.length;
    for (let i = 0; i < values.length; i++) {
      if (stales[i]) this.samples.push({ labels, timeMs: times[i], value: Number.NaN, stale: true });
      else this.samples.push({ labels, timeMs: times[i], value: values[i] });
    }
    for (const draft of histograms) takeHistogram(labels, draft, this.samples, this.refusals);
    if (this.createdMs > 0) this.takeCreated(labels, this.samples[before]);
    for (const { refs, value, timeMs } of this.pending) {
      const pairs = refs.map((ref) => this.symbol(ref));
      takeExemplar(labels, pairs, value, timeMs, this.exemplars, this.refusals);
    }
    if (this.told) this.takeMetadata(labels, this.told);
  }

  /** When the counting began is a sample of its own, 0, so that increase() sees the first count too. Once for each time. */
  private takeCreated(labels: Labels, first: Sample | undefined): void {
    const timeMs = this.createdMs;
    if (!first || first.stale || timeMs >= first.timeMs || !this.cache.isNewCreation(labels, timeMs)) return;
    const { histogram } = first;
    if (histogram) this.zeros.push({ labels, timeMs, value: Number.NaN, histogram: emptyHistogram(histogram) });
    else this.zeros.push({ labels, timeMs, value: 0 });
  }

  private takeMetadata(labels: Labels, told: { type: number; help: number; unit: number }): void {
    const type = metricTypeName(told.type);
    const help = this.symbol(told.help);
    const unit = this.symbol(told.unit);
    if (type === "unknown" && help === "" && unit === "") return;
    this.metadata.set(familyOf(labels.metricName, type), { type, help, unit });
  }
}

function readSymbols(bytes: Uint8Array): string[] {
  const reader = new ProtobufReader(bytes);
  const symbols: string[] = [];
  while (reader.next(reader.end)) {
    if (reader.field === 4) symbols.push(reader.string());
    else reader.skip();
  }
  return symbols;
}

function emptyHistogram(like: NonNullable<Sample["histogram"]>): NonNullable<Sample["histogram"]> {
  const { schema, zeroThreshold, customValues } = like;
  return {
    schema,
    count: 0,
    sum: 0,
    zeroThreshold,
    zeroCount: 0,
    positiveSpans: [],
    positiveBuckets: [],
    negativeSpans: [],
    negativeBuckets: [],
    customValues,
    counterReset: "unknown",
  };
}

/** Series of histograms and summaries carry suffixes that their family's name has not. */
function familyOf(metric: string, type: string): string {
  if (type === "histogram" || type === "gaugehistogram") return metric.replace(/_(bucket|count|sum|gcount|gsum)$/, "");
  if (type === "summary") return metric.replace(/_(count|sum)$/, "");
  return metric;
}
