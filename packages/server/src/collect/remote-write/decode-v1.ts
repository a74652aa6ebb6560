// Remote write 1.0: prometheus.WriteRequest.
//
//   WriteRequest { timeseries 1: { labels 1 { name 1, value 2 }, samples 2 { value 1, time 2 },
//                                  exemplars 3 { labels 1, value 2, time 3 }, histograms 4 },
//                  metadata 3: { type 1, family 2, help 4, unit 5 } }
import type { Labels, MetricMetadata, Sample, SeriesExemplar } from "@storewatch/model";
import type { Refusal } from "../intake/interface.ts";
import { Refusals } from "../intake/refusals.ts";
import { ProtobufReader } from "../protobuf/reader.ts";
import { BadHistogram, readHistogram, toHistogram } from "./histogram-codec.ts";
import { metricTypeName } from "./metric-types.ts";
import { BadLabels, labelsOfPairs, type SeriesCache } from "./series-cache.ts";

/** What a request holds, in the order of the bytes. */
export interface DecodedWrite {
  readonly samples: Sample[];
  readonly exemplars: SeriesExemplar[];
  readonly metadata: Map<string, MetricMetadata>;
  /** Where the counting of a series began: worth having, and no loss when they are not taken. */
  readonly zeros: readonly Sample[];
  /** What could be read and cannot be stored. */
  readonly refusals: readonly Refusal[];
}

interface PendingExemplar {
  readonly labels: string[];
  value: number;
  timeMs: number;
}

export class WriteRequestDecoder {
  private readonly reader: ProtobufReader;
  private readonly bytes: Buffer;
  private readonly samples: Sample[] = [];
  private readonly exemplars: SeriesExemplar[] = [];
  private readonly metadata = new Map<string, MetricMetadata>();
  private readonly refusals = new Refusals();
  // Of the series at hand: its labels may come after its samples.
  private readonly values: number[] = [];
  private readonly times: number[] = [];
  private readonly stales: boolean[] = [];

  constructor(
    bytes: Uint8Array,
    private readonly cache: SeriesCache,
  ) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.reader = new ProtobufReader(this.bytes);
  }

  /** Goes on for about this many series; false at the end. Throws ProtobufError. */
  step(seriesMax: number): boolean {
    const { reader } = this;
    let left = seriesMax;
    while (left > 0) {
      if (!reader.next(reader.end)) return false;
      if (reader.field === 1) this.readSeries(reader.messageEnd());
      else if (reader.field === 3) this.readMetadata(reader.messageEnd());
      else reader.skip();
      left--;
    }
    return true;
  }

  result(): DecodedWrite {
    const { samples, exemplars, metadata } = this;
    return { samples, exemplars, metadata, zeros: [], refusals: this.refusals.list() };
  }

  private readSeries(end: number): void {
    const { reader } = this;
    this.values.length = 0;
    this.times.length = 0;
    this.stales.length = 0;
    let from = reader.position;
    let to = from;
    let pieces: Buffer[] | undefined;
    let histograms: ReturnType<typeof readHistogram>[] | undefined;
    let exemplars: PendingExemplar[] | undefined;
    for (let before = from; reader.next(end); before = reader.position) {
      switch (reader.field) {
        case 1:
          reader.skip();
          if (before === to) to = reader.position;
          else {
            // Not in one piece, which nobody sends but the format allows.
            pieces ??= [];
            if (to > from) pieces.push(this.bytes.subarray(from, to));
            from = before;
            to = reader.position;
          }
          break;
        case 2:
          this.readSample(reader.messageEnd());
          break;
        case 3:
          exemplars ??= [];
          exemplars.push(readExemplar(reader, reader.messageEnd()));
          break;
        case 4:
          histograms ??= [];
          histograms.push(readHistogram(reader, reader.messageEnd()));
          break;
        default:
          reader.skip();
      }
    }
    const encoded = pieces ? Buffer.concat([...pieces, this.bytes.subarray(from, to)]) : undefined;
    const labels = this.labels(encoded ?? this.bytes, encoded ? 0 : from, encoded ? encoded.length : to);
    if (labels) this.take(labels, histograms, exemplars);
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

  private take(
    labels: Labels,
    histograms: readonly ReturnType<typeof readHistogram>[] | undefined,
    exemplars: readonly PendingExemplar[] | undefined,
  ): void {
    const { values, times, stales } = this;
    for (let i = 0; i < values.length; i++) {
      if (stales[i]) this.samples.push({ labels, timeMs: times[i], value: Number.NaN, stale: true });
      else this.samples.push({ labels, timeMs: times[i], value: values[i] });
    }
    for (const draft of histograms ?? []) takeHistogram(labels, draft, this.samples, this.refusals);
    for (const one of exemplars ?? []) {
      takeExemplar(labels, one.labels, one.value, one.timeMs, this.exemplars, this.refusals);
    }
  }

  /** Undefined when they cannot be stored. */
  private labels(bytes: Buffer, from: number, to: number): Labels | undefined {
    try {
      return this.cache.labels(bytes.toString("latin1", from, to), () =>
        labelsOfPairs(readPairs(bytes, from, to, this.cache)),
      );
    } catch (error) {
      if (!(error instanceof BadLabels)) throw error;
      const lost = Math.max(1, this.values.length);
      this.refusals.add("invalid", lost, () => `invalid labels for a series: ${error.message}`);
      return undefined;
    }
  }

  private readMetadata(end: number): void {
    const { reader } = this;
    let type = 0;
    let family = "";
    let help = "";
    let unit = "";
    while (reader.next(end)) {
      if (reader.field === 1) type = reader.uint32();
      else if (reader.field === 2) family = reader.string();
      else if (reader.field === 4) help = reader.string();
      else if (reader.field === 5) unit = reader.string();
      else reader.skip();
    }
    if (family !== "") this.metadata.set(family, { type: metricTypeName(type), help, unit });
  }
}

function readPairs(bytes: Buffer, from: number, to: number, cache: SeriesCache): string[] {
  const reader = new ProtobufReader(bytes, from, to);
  const pairs: string[] = [];
  while (reader.next(to)) readPair(reader, pairs, cache);
  return pairs;
}

/** A label message onto the end of `pairs`. */
function readPair(reader: ProtobufReader, pairs: string[], cache?: SeriesCache): void {
  const end = reader.messageEnd();
  let name = "";
  let value = "";
  while (reader.next(end)) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  pairs.push(cache ? cache.shared(name) : name, cache ? cache.shared(value) : value);
}

function readExemplar(reader: ProtobufReader, end: number): PendingExemplar {
  const exemplar: PendingExemplar = { labels: [], value: 0, timeMs: 0 };
  while (reader.next(end)) {
    if (reader.field === 1) readPair(reader, exemplar.labels);
    else if (reader.field === 2) exemplar.value = reader.double();
    else if (reader.field === 3) exemplar.timeMs = reader.int64();
    else reader.skip();
  }
  return exemplar;
}

/** Adds the histogram, or its refusal. */
export function takeHistogram(
  labels: Labels,
  draft: ReturnType<typeof readHistogram>,
  samples: Sample[],
  refusals: Refusals,
): void {
  try {
    const { timeMs, stale, histogram } = toHistogram(draft);
    if (stale) samples.push({ labels, timeMs, value: Number.NaN, stale: true });
    else samples.push({ labels, timeMs, value: Number.NaN, histogram });
  } catch (error) {
    if (!(error instanceof BadHistogram)) throw error;
    refusals.add("invalid", 1, () => `${labels}: a native histogram with ${error.message}`);
  }
}

/** Adds the exemplar, or its refusal. */
export function takeExemplar(
  series: Labels,
  pairs: readonly string[],
  value: number,
  timeMs: number,
  exemplars: SeriesExemplar[],
  refusals: Refusals,
): void {
  try {
    exemplars.push({ series, exemplar: { labels: labelsOfPairs(pairs), value, timeMs } });
  } catch (error) {
    if (!(error instanceof BadLabels)) throw error;
    refusals.add("invalid", 1, () => `${series}: an exemplar with ${error.message}`);
  }
}
