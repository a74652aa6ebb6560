import type { NativeHistogram } from "@storewatch/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, FormatError } from "./bytes.ts";
import { BUCKETS_MAX, decodeHistograms, equalHistograms, HistogramColumnWriter, isStorable } from "./histogram.ts";

function histogram(more: Partial<NativeHistogram> = {}): NativeHistogram {
  return {
    schema: 3,
    count: 21,
    sum: 4.5,
    zeroThreshold: 2 ** -128,
    zeroCount: 1,
    positiveSpans: [
      { offset: -3, length: 2 },
      { offset: 4, length: 2 },
    ],
    positiveBuckets: [5, 5, 7, 3],
    negativeSpans: [],
    negativeBuckets: [],
    customValues: [],
    counterReset: "unknown",
    ...more,
  };
}

function encode(histograms: readonly NativeHistogram[]): Buffer {
  const writer = new HistogramColumnWriter();
  for (const one of histograms) writer.add(one);
  return Buffer.from(writer.view());
}

const whole = fc.oneof(fc.nat(40), fc.maxSafeNat(), fc.constant(2 ** 50), fc.constant(-3));
const double = fc.oneof(whole, fc.double(), fc.constant(-0), fc.constant(0.1));

function side(value: fc.Arbitrary<number>) {
  return fc
    .array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.array(value, { maxLength: 5 })), { maxLength: 3 })
    .map((runs) => ({
      spans: runs.map(([offset, buckets]) => ({ offset, length: buckets.length })),
      buckets: runs.flatMap(([, buckets]) => buckets),
    }));
}

const anyHistogram: fc.Arbitrary<NativeHistogram> = fc
  .constantFrom(whole, double)
  .chain((value) =>
    fc.record({
      schema: fc.constantFrom(-4, 0, 8, -53),
      count: value,
      sum: double,
      zeroThreshold: fc.constantFrom(0, 2 ** -128, 0.25),
      zeroCount: value,
      positive: side(value),
      negative: side(value),
      customValues: fc.oneof(fc.constant([]), fc.array(double, { maxLength: 4 })),
      counterReset: fc.constantFrom("unknown", "reset", "notReset", "gauge"),
    }),
  )
  .map(({ positive, negative, ...rest }) => ({
    ...rest,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
  }));

/** Series as they are: the same layout several times with growing counts, then another. */
const anySeries = fc
  .array(fc.tuple(anyHistogram, fc.array(fc.nat(9), { maxLength: 4 })), { minLength: 1, maxLength: 4 })
  .map((parts) =>
    parts.flatMap(([first, steps]) => [
      first,
      ...steps.map((step) => ({
        ...first,
        count: first.count + step,
        positiveBuckets: first.positiveBuckets.map((count, i) => (i === step ? count + step : count)),
      })),
    ]),
  );

test("what is decoded is what was encoded, bit by bit", () => {
  fc.assert(
    fc.property(anySeries, (series) => {
      expect(series.every(isStorable)).toBe(true);
      const decoded = decodeHistograms(new ByteReader(encode(series)), series.length);
      expect(decoded.length).toBe(series.length);
      for (const [i, one] of decoded.entries()) expect(equalHistograms(one, series[i])).toBe(true);
      expect(encode(decoded)).toEqual(encode(series));
    }),
    { numRuns: 500 },
  );
});

test("damaged bytes are refused or give other histograms, and never more than there can be", () => {
  fc.assert(
    fc.property(anySeries, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(3), (series, at, flip, cut) => {
      const bytes = encode(series);
      const damaged = Buffer.from(bytes.subarray(0, bytes.length - cut));
      damaged[at % damaged.length] ^= flip;
      try {
        const decoded = decodeHistograms(new ByteReader(damaged), series.length);
        for (const one of decoded) expect(isStorable(one)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
    { numRuns: 3000 },
  );
});

test("a count that never changes costs a few bytes, and a run beyond the buckets is refused", () => {
  const same = Array.from({ length: 100 }, () => histogram());
  expect(encode(same).length).toBeLessThan(450);
  expect(decodeHistograms(new ByteReader(encode(same)), 100)).toEqual(same);
  const growing = Array.from({ length: 100 }, (_, i) => histogram({ count: 21 + i, sum: i / 2, zeroCount: 1 + i }));
  expect(encode(growing).length).toBeLessThan(1000);
  const out = new ByteWriter();
  out.bytes(Buffer.from([1, 4, 0, 0, 1, 0]));
  out.varint(2 ** 40);
  out.bytes(Buffer.from([0, 0, 0, 0, 0]));
  expect(() => decodeHistograms(new ByteReader(out.view()), 1)).toThrow(FormatError);
});

test("what has not the form of a histogram is not storable", () => {
  expect(isStorable(histogram())).toBe(true);
  expect(isStorable(histogram({ positiveBuckets: [1] }))).toBe(false);
  expect(isStorable(histogram({ schema: 0.5 }))).toBe(false);
  expect(isStorable(histogram({ positiveSpans: [{ offset: 0.5, length: 4 }] }))).toBe(false);
  const many = BUCKETS_MAX + 1;
  const buckets = new Array<number>(many).fill(1);
  expect(isStorable(histogram({ positiveSpans: [{ offset: 0, length: many }], positiveBuckets: buckets }))).toBe(false);
});
