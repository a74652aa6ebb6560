import { CUSTOM_BUCKETS_SCHEMA, type NativeHistogram } from "@storewatch/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHistogram } from "../../promqltest/histogram-notation.ts";
import { numberOf, SeriesSyntaxError } from "../../promqltest/series-line.ts";
import { allBuckets, exponentialBound } from "./bounds.ts";
import { storedHint } from "./hints.ts";
import { nativeFraction, nativeQuantile } from "./quantile.ts";
import { areEqual, isReset } from "./resets.ts";
import { averageOf, compacted, divided, HistogramSum, multiplied, sumOf } from "./sum.ts";
import { trimmed } from "./trim.ts";

const h = (text: string): NativeHistogram => parseHistogram(`{{${text}}}`, numberOf).histogram;
const sum = (a: NativeHistogram, b: NativeHistogram) => sumOf([a, b])!.histogram;

/** Histograms of whole counts, with any resolution and zero bucket that counters have. */
const histograms = fc
  .record({
    schema: fc.integer({ min: -4, max: 8 }),
    hasWideZero: fc.boolean(),
    zeroCount: fc.integer({ min: 0, max: 5 }),
    positiveBuckets: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }),
    negativeBuckets: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }),
    positiveOffset: fc.integer({ min: -20, max: 20 }),
    negativeOffset: fc.integer({ min: -20, max: 20 }),
  })
  .map(({ positiveOffset, negativeOffset, hasWideZero, ...one }): NativeHistogram => {
    const total = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
    const span = (offset: number, { length }: readonly number[]) => (length === 0 ? [] : [{ offset, length }]);
    return {
      ...one,
      // No bucket lies within the zero bucket.
      zeroThreshold: hasWideZero ? exponentialBound(Math.min(positiveOffset, negativeOffset) - 1, one.schema) : 0,
      count: one.zeroCount + total(one.positiveBuckets) + total(one.negativeBuckets),
      sum: 1,
      positiveSpans: span(positiveOffset, one.positiveBuckets),
      negativeSpans: span(negativeOffset, one.negativeBuckets),
      customValues: [],
      counterReset: "unknown",
    };
  });
const total = (one: NativeHistogram) => allBuckets(one).reduce((count, bucket) => count + bucket.count, 0);

describe("bounds", () => {
  it("are exact powers of two at each resolution", () => {
    for (let schema = -4; schema <= 8; schema++) {
      for (const exponent of [-16, 0, 16]) {
        const index = schema >= 0 ? exponent * 2 ** schema : exponent / 2 ** -schema;
        expect(exponentialBound(index, schema)).toBe(2 ** exponent);
      }
    }
    expect(exponentialBound(1, 1)).toBe(Math.SQRT2);
    // Each root of two is the square root of the one before, rounded once.
    for (let i = 0; i < 256; i++) expect(exponentialBound(2 * i, 8)).toBe(exponentialBound(i, 7));
  });
  it("end at the largest number, and begin above zero", () => {
    expect(exponentialBound(1024, 0)).toBe(Number.MAX_VALUE);
    expect(exponentialBound(1025, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(exponentialBound(-1074, 0)).toBe(5e-324);
  });
});

describe("sums", () => {
  it("have all observations of both, in buckets too, whatever the resolutions and zero buckets", () => {
    fc.assert(
      fc.property(histograms, histograms, (a, b) => {
        const both = sum(a, b);
        expect(both.count).toBe(a.count + b.count);
        expect(total(both)).toBe(total(a) + total(b));
        expect(both.schema).toBe(Math.min(a.schema, b.schema));
        expect(both.zeroThreshold).toBeGreaterThanOrEqual(Math.max(a.zeroThreshold, b.zeroThreshold));
        expect(areEqual(both, sum(b, a))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
  it("less one part are the other part, where the layouts are the same", () => {
    fc.assert(
      fc.property(histograms, (a) => {
        const twice = new HistogramSum(multiplied(a, 3));
        expect(twice.subtract(a)).toBe(true);
        expect(areEqual(twice.result(), multiplied(a, 2))).toBe(true);
      }),
    );
  });
  it("widen the zero bucket to the end of the bucket that it would cut", () => {
    const both = sum(h("z_bucket:1 z_bucket_w:0.6 count:1"), h("buckets:[2 3] count:5"));
    expect(areEqual(both, h("z_bucket:3 z_bucket_w:1 offset:1 buckets:[3] count:6"))).toBe(true);
  });
  it("join custom buckets at the bounds that both have", () => {
    const a = h("schema:-53 custom_values:[1 2 3] buckets:[1 2 3 4] count:10");
    const b = h("schema:-53 custom_values:[2 4] buckets:[5 6 7] count:18");
    const result = sumOf([a, b])!;
    expect(result.reconciled).toBe(true);
    expect(areEqual(result.histogram, h("schema:-53 custom_values:[2] buckets:[8 20] count:28"))).toBe(true);
    expect(sumOf([a, h("buckets:[1]")])).toBeUndefined();
  });
  it("and means are compensated, and means do not overflow", () => {
    const parts = [1, 1e100, 1, -1e100].map((one) => h(`count:1 sum:${one}`));
    expect(sumOf(parts)!.histogram.sum).toBe(2);
    expect(averageOf(parts)!.histogram.sum).toBe(0.5);
    const large = [1.5e308, 1.5e308, 1.5e308].map((one) => h(`count:${one} buckets:[${one}]`));
    expect(sumOf(large)!.histogram.count).toBe(Number.POSITIVE_INFINITY);
    expect(averageOf(large)!.histogram.count / 1.5e308).toBeCloseTo(1, 12);
  });
  it("do not change what is added", () => {
    const a = h("buckets:[1 2] count:3 sum:1");
    const before = JSON.stringify(a);
    sum(a, a);
    divided(a, 0);
    expect(JSON.stringify(a)).toBe(before);
  });
});

describe("counter resets", () => {
  it("are not seen where observations were added, also at a lower resolution", () => {
    fc.assert(
      fc.property(histograms, histograms, (a, b) => {
        expect(isReset(sum(a, b), a)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
  it.each([
    ["buckets:[1 2] count:3", "buckets:[1 2] count:4", true],
    ["buckets:[2 1] count:3", "buckets:[1 2] count:3", true],
    ["schema:1 buckets:[1] count:1", "schema:0 buckets:[1] count:1", true],
    ["buckets:[9] count:9 counter_reset_hint:reset", "buckets:[1] count:1", true],
    ["count:0 counter_reset_hint:not_reset", "buckets:[1] count:1", false],
    ["schema:-53 custom_values:[2] buckets:[3] count:3", "schema:-53 custom_values:[1 2] buckets:[1 2] count:3", false],
    [
      "schema:-53 custom_values:[2] buckets:[2 1] count:3",
      "schema:-53 custom_values:[1 2] buckets:[1 2] count:3",
      true,
    ],
  ])("%s after %s: %s", (now, before, expected) => {
    expect(isReset(h(now), h(before))).toBe(expected);
  });
  it("leave their mark in the hints of a store", () => {
    const [first, more, less] = ["count:1 buckets:[1]", "count:2 buckets:[2]", "count:1 buckets:[1]"].map(h);
    expect(storedHint(first, undefined).counterReset).toBe("unknown");
    expect(storedHint(more, first).counterReset).toBe("notReset");
    expect(storedHint(less, more).counterReset).toBe("unknown");
  });
});

describe("quantiles", () => {
  it("and fractions are each other's inverse", () => {
    const q = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(histograms, q, (one, quantile) => {
        // Observations at one point have no share below it.
        fc.pre(one.count > 0 && (one.zeroThreshold > 0 || one.zeroCount === 0));
        const { value } = nativeQuantile(quantile, one);
        const share = nativeFraction(Number.NEGATIVE_INFINITY, value, one).value;
        // Within a gap between buckets many values have the same share.
        expect(share).toBeGreaterThan(quantile - 1e-6);
        expect(
          nativeFraction(Number.NEGATIVE_INFINITY, value - Math.abs(value) * 1e-9 - 1e-300, one).value,
        ).toBeLessThan(quantile + 1e-6);
      }),
      { numRuns: 500 },
    );
  });
  it("ascend", () => {
    fc.assert(
      fc.property(histograms, (one) => {
        fc.pre(one.count > 0);
        const values = [0, 0.2, 0.4, 0.5, 0.6, 0.8, 1].map((q) => nativeQuantile(q, one).value);
        for (let i = 1; i < values.length; i++) {
          expect(values[i]).toBeGreaterThanOrEqual(values[i - 1] - Math.abs(values[i]) * 1e-9);
        }
      }),
    );
  });
});

it("what a trim keeps on both sides is what there was", () => {
  fc.assert(
    fc.property(histograms, fc.double({ min: -40, max: 40, noNaN: true }), (one, at) => {
      const [below, above] = [trimmed(one, at, true), trimmed(one, at, false)];
      expect(below.count + above.count).toBeCloseTo(one.count, 6);
    }),
  );
  const custom = h("schema:-53 custom_values:[5 10] buckets:[1 2 3] count:6");
  expect(custom.schema).toBe(CUSTOM_BUCKETS_SCHEMA);
  expect(compacted(trimmed(custom, 7.5, true)).count).toBe(2);
});

it("the notation gives a histogram or a syntax error", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^\{\{[a-z_:[\]0-9 .{}-]{0,40}\}\}$/), (text) => {
      try {
        parseHistogram(text, numberOf);
      } catch (error) {
        expect(error).toBeInstanceOf(SeriesSyntaxError);
      }
    }),
  );
});
