import { Labels, type NativeHistogram, type Sample, type SeriesExemplar } from "@storewatch/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProtobufError, ProtobufReader } from "../protobuf/reader.ts";
import { SnappyError, snappyCompress, snappyDecompress } from "../protobuf/snappy.ts";
import { ProtoWriter } from "../protobuf/writer.ts";
import { type DecodedWrite, WriteRequestDecoder } from "./decode-v1.ts";
import { WriteRequestV2Decoder } from "./decode-v2.ts";
import { encodeWriteRequest, type WriteContent } from "./encode-v1.ts";
import { encodeWriteRequestV2 } from "./encode-v2.ts";
import { BadHistogram, readHistogram, toHistogram, writeHistogram } from "./histogram-codec.ts";
import { SeriesCache, SymbolCache } from "./series-cache.ts";

const seed = Number(process.env.FUZZ_SEED ?? 20261122);
const fuzz = { seed, numRuns: 300 };

function decode(bytes: Uint8Array, version: 1 | 2): DecodedWrite {
  const decoder =
    version === 1
      ? new WriteRequestDecoder(bytes, new SeriesCache())
      : new WriteRequestV2Decoder(bytes, new SymbolCache());
  while (decoder.step(3));
  return decoder.result();
}

function encode(content: WriteContent, version: 1 | 2): Uint8Array {
  const out = new ProtoWriter(16);
  if (version === 1) encodeWriteRequest(out, content);
  else encodeWriteRequestV2(out, content);
  return out.finish();
}

const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });
const labels = fc.dictionary(text, text, { maxKeys: 6 }).map((record) => Labels.from({ ...record, __name__: "m" }));
const timeMs = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const count = fc.integer({ min: 0, max: 2 ** 40 });

/** Spans and as many buckets. */
const buckets = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.array(count, { minLength: 1, maxLength: 5 })), { maxLength: 3 })
  .map((runs) => ({
    spans: runs.map(([offset, counts]) => ({ offset, length: counts.length })),
    counts: runs.flatMap(([, counts]) => counts),
  }));
const histogram: fc.Arbitrary<NativeHistogram> = fc
  .record({
    schema: fc.integer({ min: -4, max: 8 }),
    sum: fc.double({ noNaN: true }),
    zeroCount: count,
    positive: buckets,
    negative: buckets,
    scale: fc.constantFrom(1, 0.5, 0.1),
    reset: fc.constantFrom("unknown", "reset", "notReset", "gauge") as fc.Arbitrary<NativeHistogram["counterReset"]>,
  })
  .map(({ schema, sum, zeroCount, positive, negative, scale, reset }) => {
    const scaled = (counts: readonly number[]) => counts.map((n) => n * scale);
    const all = [zeroCount, ...positive.counts, ...negative.counts];
    return {
      schema,
      count: scaled(all).reduce((a, b) => a + b, 0) + 3,
      sum,
      zeroThreshold: 1e-128,
      zeroCount: zeroCount * scale,
      positiveSpans: positive.spans,
      positiveBuckets: scaled(positive.counts),
      negativeSpans: negative.spans,
      negativeBuckets: scaled(negative.counts),
      customValues: [],
      counterReset: reset,
    };
  });
const sample: fc.Arbitrary<Sample> = fc.oneof(
  fc.record({ labels, timeMs, value: fc.double({ noNaN: true }) }),
  fc.record({ labels, timeMs, value: fc.constant(Number.NaN), stale: fc.constant(true) }),
  fc.record({ labels, timeMs, value: fc.constant(Number.NaN), histogram }),
);
const exemplar: fc.Arbitrary<SeriesExemplar> = fc.record({
  series: labels,
  exemplar: fc.record({ labels, timeMs, value: fc.double({ noNaN: true }) }),
});

describe.each([1, 2] as const)("remote write %i.0", (version) => {
  test("reads what it writes: numbers to the bit, markers, histograms, exemplars", () => {
    const content = fc.record({ samples: fc.array(sample), exemplars: fc.array(exemplar, { maxLength: 3 }) });
    fc.assert(
      fc.property(content, ({ samples, exemplars }) => {
        const decoded = decode(encode({ samples, exemplars }, version), version);
        expect(decoded.refusals).toEqual([]);
        expect(decoded.samples).toEqual(samples);
        expect(decoded.exemplars).toEqual(exemplars);
      }),
      fuzz,
    );
  });

  test("any bytes are read or refused, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expectDecodedOrRefused(bytes, version);
      }),
      { ...fuzz, numRuns: 3000 },
    );
  });

  test("so are requests with a few wrong bytes, or cut off", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 4 }), damage, fc.nat(), (samples, changes, cut) => {
        const bytes = encode({ samples }, version);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        expectDecodedOrRefused(bytes, version);
        expectDecodedOrRefused(bytes.subarray(0, cut % bytes.length), version);
      }),
      { ...fuzz, numRuns: 1500 },
    );
  });
});

function expectDecodedOrRefused(bytes: Uint8Array, version: 1 | 2): void {
  let decoded: DecodedWrite;
  try {
    decoded = decode(bytes, version);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtobufError);
    return;
  }
  // Nothing is made out of nothing: a sample takes bytes.
  expect(decoded.samples.length).toBeLessThanOrEqual(bytes.length);
}

describe("remote write 2.0", () => {
  const named = Labels.from({ __name__: "jobs_total", job: "a" });

  function request(fill: (series: ProtoWriter, place: (text: string) => number) => void): DecodedWrite {
    const texts = [""];
    const place = (one: string) => (texts.includes(one) ? texts.indexOf(one) : texts.push(one) - 1);
    const series = new ProtoWriter();
    series.message(5, (one) => {
      one.message(1, (refs) => {
        for (const one of named.pairs) refs.varint(place(one));
      });
      fill(one, place);
    });
    const out = new ProtoWriter();
    // The table may as well stand behind the series.
    out.append(series.view());
    for (const one of texts) out.string(4, one);
    return decode(out.finish(), 2);
  }

  test("takes metadata with the series, and the time of creation as a first zero", () => {
    const decoded = request((series, place) => {
      series.message(2, (out) => out.double(1, 5).int(2, 2000));
      series.message(5, (out) => out.uint(1, 1).uint(3, place("Jobs done.")).uint(4, place("jobs")));
      series.int(6, 1000);
    });
    expect(decoded.samples).toEqual([{ labels: named, timeMs: 2000, value: 5 }]);
    expect(decoded.zeros).toEqual([{ labels: named, timeMs: 1000, value: 0 }]);
    expect(decoded.metadata.get("jobs_total")).toEqual({ type: "counter", help: "Jobs done.", unit: "jobs" });
  });

  test("refuses places outside its table, and labels without a value", () => {
    expect(() =>
      request((series) => series.message(5, (out) => out.uint(3, 99)).message(2, (out) => out.int(2, 1))),
    ).toThrow(ProtobufError);
    const odd = request((series) => series.message(1, (refs) => refs.varint(0)).message(2, (out) => out.int(2, 1)));
    expect(odd.refusals).toEqual([
      { reason: "invalid", count: 1, example: "invalid labels for a series: a label without a value" },
    ]);
  });
});

describe("histograms with custom bounds", () => {
  const classic: NativeHistogram = {
    schema: -53,
    count: 6,
    sum: 12.5,
    zeroThreshold: 0,
    zeroCount: 0,
    positiveSpans: [{ offset: 0, length: 3 }],
    positiveBuckets: [1, 2, 3],
    negativeSpans: [],
    negativeBuckets: [],
    customValues: [0.5, 1],
    counterReset: "unknown",
  };
  const read = (histogram: NativeHistogram) => {
    const out = new ProtoWriter();
    writeHistogram(out, histogram, 7);
    return toHistogram(readHistogram(new ProtobufReader(out.finish()), out.size));
  };

  test("are kept as they are", () => {
    expect(read(classic)).toEqual({ timeMs: 7, stale: false, histogram: classic });
    const floats = { ...classic, count: 3.75, positiveBuckets: [0.5, 1.25, 2] };
    expect(read(floats).histogram).toEqual(floats);
  });

  test("are refused when they contradict themselves", () => {
    for (const wrong of [
      { ...classic, customValues: [1, 0.5] },
      { ...classic, customValues: [0.5] },
      { ...classic, customValues: [0.5, Number.NaN] },
      { ...classic, zeroCount: 1 },
      { ...classic, count: 5 },
      { ...classic, positiveBuckets: [1, 2] },
      { ...classic, positiveBuckets: [1, -2, 7] },
      { ...classic, schema: 9, customValues: [] },
      { ...classic, schema: 3 },
    ]) {
      expect(() => read(wrong)).toThrow(BadHistogram);
    }
  });
});

describe("snappy", () => {
  test("gives back what was compressed, and refuses damage or more than the limit", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
        expect(snappyDecompress(snappyCompress(bytes), 5000).equals(bytes)).toBe(true);
      }),
      fuzz,
    );
    const repeating = Buffer.from("tenant_id=acme;".repeat(4000));
    const block = snappyCompress(repeating);
    expect(block.length).toBeLessThan(repeating.length / 10);
    expect(snappyDecompress(block, repeating.length).equals(repeating)).toBe(true);
    // A literal of 2^32 bytes.
    expect(() => snappyDecompress(Uint8Array.of(5, 0xfc, 0xff, 0xff, 0xff, 0xff), 1000)).toThrow(SnappyError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(snappyDecompress(bytes, 1000).length).toBeLessThanOrEqual(1000);
        } catch (error) {
          expect(error).toBeInstanceOf(SnappyError);
        }
      }),
      { ...fuzz, numRuns: 3000 },
    );
  });
});
