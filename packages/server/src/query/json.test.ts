import { CUSTOM_BUCKETS_SCHEMA, Labels, type NativeHistogram } from "@storewatch/model";
import type { QueryResult } from "@storewatch/promql/engine";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatTimeSeconds, isLargeResult, queryResultJson, queryResultPieces } from "./json.ts";
import { formatValue, JsonBytes } from "./json-bytes.ts";

const stats = { samplesRead: 0, peakSamples: 0, busyMs: 0 };

describe("values as Prometheus prints them", () => {
  const asBytes = (value: number) => {
    const out = new JsonBytes();
    out.float(value);
    return out.take().toString("latin1");
  };
  const f = (value: number, text: string) => {
    expect(formatValue(value)).toBe(text);
    expect(asBytes(value)).toBe(text);
  };
  test("special values", () => {
    f(Number.NaN, "NaN");
    f(Infinity, "+Inf");
    f(-Infinity, "-Inf");
    f(0, "0");
    f(-0, "-0");
  });
  test("exponents have at least two digits and begin at 1e21 and below 1e-6", () => {
    f(1e-7, "1e-07");
    f(-2.5e-9, "-2.5e-09");
    f(1e-10, "1e-10");
    f(0.000001, "0.000001");
    f(1e21, "1e+21");
    f(1e100, "1e+100");
    f(123456789012345680000, "123456789012345680000");
  });
  test("every double reads back as itself, and as bytes it is the same text", () => {
    const decimal = fc.tuple(fc.integer(), fc.integer({ min: 0, max: 12 })).map(([n, digits]) => n / 10 ** digits);
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    const ratio = fc.tuple(fc.integer(), fc.integer({ min: 1 })).map(([a, b]) => a / b);
    fc.assert(
      fc.property(fc.oneof(double, decimal, ratio, fc.integer()), (v) => {
        expect(Number(formatValue(v))).toBe(v);
        expect(asBytes(v)).toBe(formatValue(v));
      }),
      { numRuns: 5000 },
    );
  });
  test("the smallest and largest of what is written by hand", () => {
    for (const v of [1, 9, 10, 99, 999_999_999, 1e9, 1e9 + 1, 0.001, 0.01, 0.1, 0.0005, 1.5, 999_999_999.999, 5e-324]) {
      f(v, formatValue(v));
      f(-v, formatValue(-v));
    }
  });
});

test("times are seconds, with three decimals only where there are ms", () => {
  expect(formatTimeSeconds(1_700_000_000_000)).toBe("1700000000");
  expect(formatTimeSeconds(1_700_000_000_050)).toBe("1700000000.050");
  expect(formatTimeSeconds(0)).toBe("0");
  expect(formatTimeSeconds(-1500)).toBe("-1.500");
  expect(formatTimeSeconds(-500)).toBe("-0.500");
});

test("a vector is valid JSON whatever the labels hold", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.string({ unit: "binary" }), { maxKeys: 4 }),
      fc.double(),
      (record, value) => {
        const labels = Labels.from(record);
        const text = queryResultJson({
          value: { type: "vector", samples: [{ labels, timeMs: 1500, value }] },
          warnings: [],
          infos: ["i"],
          stats,
        });
        const parsed = JSON.parse(String(text)) as {
          data: { result: Array<{ metric: unknown; value: unknown }> };
          infos: string[];
        };
        expect(parsed.data.result[0].metric).toEqual(labels.toJSON());
        expect(parsed.infos).toEqual(["i"]);
      },
    ),
  );
});

test("a matrix leaves staleness markers out", () => {
  const values = new Float64Array([1, 0, 3]);
  new Uint32Array(values.buffer).set([2, 0x7ff00000], 2);
  const series = [{ labels: Labels.from({ a: "b" }), timesMs: new Float64Array([1000, 2000, 3500]), values }];
  const text = queryResultJson({ value: { type: "matrix", series }, warnings: ["w"], infos: [], stats });
  expect(JSON.parse(String(text))).toEqual({
    status: "success",
    data: {
      resultType: "matrix",
      result: [
        {
          metric: { a: "b" },
          values: [
            [1, "1"],
            [3.5, "3"],
          ],
        },
      ],
    },
    warnings: ["w"],
  });
});

test("a large result comes in pieces that are the same text together", () => {
  const timesMs = Float64Array.from({ length: 5000 }, (_, i) => i * 1000);
  const series = ["a", "b", "c"].map((name) => ({
    labels: Labels.from({ name }),
    timesMs,
    values: timesMs.map((time) => Math.sin(time)),
  }));
  const result = { value: { type: "matrix" as const, series }, warnings: ["w"], infos: [], stats };
  expect(isLargeResult(result)).toBe(true);
  const pieces = [...queryResultPieces(result)];
  expect(pieces.length).toBeGreaterThan(5);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(100_000);
  const parsed = JSON.parse(Buffer.concat(pieces).toString()) as {
    data: { result: Array<{ values: unknown[] }> };
    warnings: string[];
  };
  expect(parsed.data.result.map(({ values }) => values.length)).toEqual([5000, 5000, 5000]);
  expect(parsed.warnings).toEqual(["w"]);
  const empty = { value: { type: "matrix" as const, series: [] }, warnings: [], infos: [], stats };
  expect(JSON.parse(String(queryResultJson(empty)))).toMatchObject({ data: { resultType: "matrix", result: [] } });
});

describe("native histograms", () => {
  const histogram: NativeHistogram = {
    schema: 0,
    count: 12.5,
    sum: -3,
    zeroThreshold: 0.001,
    zeroCount: 2,
    positiveSpans: [{ offset: 0, length: 3 }],
    positiveBuckets: [1, 0, 4],
    negativeSpans: [{ offset: 1, length: 1 }],
    negativeBuckets: [5.5],
    customValues: [],
    counterReset: "unknown",
  };
  const json = {
    count: "12.5",
    sum: "-3",
    buckets: [
      [1, "-2", "-1", "5.5"],
      [3, "-0.001", "0.001", "2"],
      [0, "0.5", "1", "1"],
      [0, "2", "4", "4"],
    ],
  };
  const labels = Labels.from({ a: "b" });
  const resultOf = (value: QueryResult["value"]) => {
    const text = String(queryResultJson({ value, warnings: [], infos: [], stats }));
    return (JSON.parse(text) as { data: { result: unknown } }).data.result;
  };
  const matrixOf = (values: number[], histograms: (NativeHistogram | undefined)[]) => {
    const timesMs = Float64Array.from(values, (_, i) => 1000 * (i + 1));
    return resultOf({ type: "matrix", series: [{ labels, timesMs, values: Float64Array.from(values), histograms }] });
  };

  test("a sample has a histogram in the place of its value, without empty buckets", () => {
    const samples = [{ labels, timeMs: 1500, value: Number.NaN, histogram }];
    expect(resultOf({ type: "vector", samples })).toEqual([{ metric: { a: "b" }, histogram: [1.5, json] }]);
  });
  test("custom buckets begin and end at infinity; without counts there are no buckets", () => {
    const custom: NativeHistogram = {
      ...histogram,
      schema: CUSTOM_BUCKETS_SCHEMA,
      zeroCount: 0,
      positiveBuckets: [1, 2, 3],
      negativeSpans: [],
      negativeBuckets: [],
      customValues: [5, 10],
    };
    const empty = { ...custom, positiveSpans: [], positiveBuckets: [] };
    const samples = [custom, empty].map((one) => ({ labels, timeMs: 0, value: Number.NaN, histogram: one }));
    const buckets = [
      [3, "-Inf", "5", "1"],
      [0, "5", "10", "2"],
      [0, "10", "+Inf", "3"],
    ];
    expect(resultOf({ type: "vector", samples })).toEqual([
      { metric: { a: "b" }, histogram: [0, { count: "12.5", sum: "-3", buckets }] },
      { metric: { a: "b" }, histogram: [0, { count: "12.5", sum: "-3" }] },
    ]);
  });
  test("a matrix has floats and histograms apart, and neither where there is none", () => {
    expect(matrixOf([7, Number.NaN], [undefined, histogram])).toEqual([
      { metric: { a: "b" }, values: [[1, "7"]], histograms: [[2, json]] },
    ]);
    expect(matrixOf([Number.NaN], [histogram])).toEqual([{ metric: { a: "b" }, histograms: [[1, json]] }]);
    expect(matrixOf([Number.NaN], [undefined])).toEqual([{ metric: { a: "b" }, values: [[1, "NaN"]] }]);
  });
});

test("of each kind of remark ten are shown, and how many more there were", () => {
  const notes = (count: number) => Array.from({ length: count }, (_, i) => `note ${i}`);
  const reply = (warnings: readonly string[], infos: readonly string[]) =>
    JSON.parse(queryResultJson({ value: { type: "vector", samples: [] }, warnings, infos, stats }).toString());
  expect(reply(notes(10), notes(12))).toMatchObject({
    warnings: notes(10),
    infos: [...notes(10), "2 more info annotations omitted"],
  });
  expect(reply(notes(11), [])).toMatchObject({ warnings: [...notes(10), "1 more warning annotations omitted"] });
});
