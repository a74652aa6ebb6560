import { Labels, Matcher, type SeriesSamples } from "@storewatch/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addMatcher, parseExpression } from "../parser/index.ts";
import { createEngine, type EngineOptions, type Queryable, QueryError, type QueryShare } from "./index.ts";

/** A clock that moves by `tickMs` each time it is looked at. */
function tickingClock(tickMs: number) {
  let now = 0;
  return {
    monotonicMs: () => {
      now += tickMs;
      return now;
    },
  };
}

function flat(count: number, samples: number): SeriesSamples[] {
  const timesMs = Float64Array.from({ length: samples }, (_, i) => i * 1000);
  return Array.from({ length: count }, (_, i) => ({
    labels: Labels.from({ __name__: "a_total", i: String(i) }),
    timesMs,
    values: Float64Array.from({ length: samples }, (_, s) => s * (i + 1)),
  }));
}

const storeOf = (series: readonly SeriesSamples[]): Queryable => ({ select: () => series });
const engineWith = (options: Partial<EngineOptions> = {}) =>
  createEngine({ clock: { monotonicMs: () => 0 }, ...options });

async function kindOf(query: Promise<unknown>): Promise<string> {
  try {
    await query;
    return "none";
  } catch (error) {
    if (error instanceof QueryError) return error.kind;
    throw error;
  }
}

describe("limits", () => {
  const series = flat(500, 200);
  const query = (options: Partial<EngineOptions>, request: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
    engineWith(options).range(storeOf(series), { expression: "sum(rate(a_total[1m]))", ...request }, 0, 199_000, 1000);

  it("lets the event loop turn about every 10 ms", async () => {
    let turns = 0;
    const yieldNow = async () => {
      turns++;
    };
    await query({ clock: tickingClock(11), yieldNow });
    expect(turns).toBeGreaterThan(5);
    turns = 0;
    await query({ yieldNow });
    expect(turns).toBe(0);
  });

  it("stops when time is up", async () => {
    expect(await kindOf(query({ clock: tickingClock(11) }, { timeoutMs: 50 }))).toBe("timeout");
    expect(await kindOf(query({ clock: tickingClock(11) }, { timeoutMs: 1e9 }))).toBe("none");
  });

  it("stops when it is cancelled", async () => {
    const controller = new AbortController();
    const yieldNow = async () => controller.abort();
    expect(await kindOf(query({ clock: tickingClock(11), yieldNow }, { signal: controller.signal }))).toBe("canceled");
  });

  it("stops when it would hold too many samples", async () => {
    expect(await kindOf(query({ maxSamples: 99_000 }))).toBe("limit");
    expect(await kindOf(query({ maxSamples: 1_000_000 }))).toBe("none");
  });

  it("counts what it read", async () => {
    const { stats } = await query({});
    expect(stats.samplesRead).toBe(100_000);
    expect(stats.peakSamples).toBeGreaterThan(100_000);
  });
});

describe("what is asked of the store", () => {
  it("covers look-back, ranges, offsets, @ and subqueries, and nothing more", async () => {
    const asked: [number, number, number, string][] = [];
    const store: Queryable = {
      select: (_matchers, fromMs, toMs, hints) => {
        asked.push([fromMs, toMs, hints.rangeMs, hints.func]);
        return [];
      },
    };
    const expression = "a + rate(b[1m] offset 2m) + c @ 5 + max_over_time(sum(d)[10m:3m])";
    await engineWith().range(store, { expression }, 1_000_000, 1_060_000, 15_000);
    expect(asked).toEqual([
      [700_001, 1_060_000, 0, ""],
      [820_001, 940_000, 60_000, "rate"],
      [-294_999, 5000, 0, ""],
      [240_001, 900_000 + 0, 0, "sum"],
    ]);
  });
});

describe("failures", () => {
  it.each([
    ["sum(", "parse"],
    ["a_total + on () a_total", "execution"],
    ['label_replace(a_total, "i", "x", "", "")', "execution"],
    ['label_replace(a_total, "x", "y", "i", "(")', "execution"],
    ["topk(NaN, a_total)", "execution"],
  ])("%s: %s", async (expression, kind) => {
    expect(await kindOf(engineWith().instant(storeOf(flat(2, 10)), { expression }, 5000))).toBe(kind);
  });

  it("refuses range queries of strings and ranges", async () => {
    const ask = (expression: string) => engineWith().range(storeOf([]), { expression }, 0, 1000, 1000);
    await expect(ask('"a"')).rejects.toThrow('invalid expression type "string" for range query');
    await expect(ask("a[5m]")).rejects.toThrow('invalid expression type "range vector" for range query');
  });
});

/** Windows worked out one by one, as the definitions say. */
function naive(func: string, series: SeriesSamples, endMs: number, rangeMs: number): number | undefined {
  const samples = [...series.timesMs].flatMap((t, i) =>
    t > endMs - rangeMs && t <= endMs ? [{ t, v: series.values[i] }] : [],
  );
  if (samples.length === 0) return undefined;
  if (func === "count_over_time") return samples.length;
  if (func === "max_over_time") return Math.max(...samples.map(({ v }) => v));
  if (func === "resets") return samples.filter(({ v }, i) => i > 0 && v < samples[i - 1].v).length;
  if (samples.length < 2) return undefined;
  const first = samples[0];
  const last = samples[samples.length - 1];
  let change = last.v - first.v;
  samples.forEach(({ v }, i) => {
    if (i > 0 && v < samples[i - 1].v) change += samples[i - 1].v;
  });
  const sampled = (last.t - first.t) / 1000;
  const distance = sampled / (samples.length - 1);
  let toStart = (first.t - (endMs - rangeMs)) / 1000;
  let toEnd = (endMs - last.t) / 1000;
  if (toStart >= distance * 1.1) toStart = distance / 2;
  if (toEnd >= distance * 1.1) toEnd = distance / 2;
  if (change > 0 && first.v >= 0) toStart = Math.min(toStart, sampled * (first.v / change));
  return (change * ((sampled + toStart + toEnd) / sampled)) / (rangeMs / 1000);
}

it("agrees with windows worked out one by one, on random series", async () => {
  const seriesOf = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 5 })), { minLength: 1, maxLength: 40 })
    .map((points) => {
      let time = 0;
      const timesMs = Float64Array.from(points, ([gap]) => {
        time += gap * 1000;
        return time;
      });
      return { labels: Labels.from({ __name__: "x_total" }), timesMs, values: Float64Array.from(points, ([, v]) => v) };
    });
  await fc.assert(
    fc.asyncProperty(
      seriesOf,
      fc.constantFrom("rate", "count_over_time", "max_over_time", "resets"),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 90 }),
      async (series, func, rangeSeconds, stepSeconds) => {
        const expression = `${func}(x_total[${rangeSeconds}s])`;
        const endMs = 1_200_000;
        const result = await engineWith().range(storeOf([series]), { expression }, 0, endMs, stepSeconds * 1000);
        if (result.value.type !== "matrix") throw new Error("not a matrix");
        const got = new Map<number, number>();
        for (const { timesMs, values } of result.value.series) {
          for (const [i, t] of timesMs.entries()) got.set(t, values[i]);
        }
        for (let t = 0; t <= endMs; t += stepSeconds * 1000) {
          const want = naive(func, series, t, rangeSeconds * 1000);
          if (want === undefined) expect(got.get(t)).toBeUndefined();
          else expect(got.get(t)).toBeCloseTo(want, 9);
        }
      },
    ),
    { numRuns: 300 },
  );
});

describe("hostile expressions", () => {
  const budget = { maxSamples: 1_000_000 };
  const ask = (expression: string, options: Partial<EngineOptions> = {}) =>
    kindOf(engineWith({ ...budget, ...options }).instant(storeOf(flat(50, 20)), { expression }, 20_000));

  it("are refused before their memory is taken", async () => {
    // Each would take 8 GB or more.
    expect(await ask("max_over_time(vector(1)[1000000000s:1s])")).toBe("limit");
    expect(await ask("sum_over_time((vector(1) + vector(2))[1000000000s:1s])")).toBe("limit");
    expect(await ask("max_over_time((a_total @ 5)[30d:1ms])")).toBe("limit");
    expect(await ask("avg_over_time(absent(b)[1000000000s:1s])")).toBe("limit");
  });

  it("cannot make a label value of any length", async () => {
    let expression = 'label_replace(a_total, "x", "aaaaaaaaaa", "", "")';
    for (let i = 0; i < 30; i++) expression = `label_join(${expression}, "x", "", "x", "x", "x", "x")`;
    expect(await ask(expression)).toBe("execution");
  });

  it("are too long at 20,000 tokens, however they go on", async () => {
    expect(await ask("(".repeat(1_000_000))).toBe("parse");
    expect(await ask(`1${"+1".repeat(500_000)}`)).toBe("parse");
  });

  it("wait while older ones hold much, and fail when all together hold too much", async () => {
    const series = flat(100, 20);
    const ask = (engine: ReturnType<typeof createEngine>) =>
      kindOf(engine.range(storeOf(series), { expression: "a_total" }, 0, 99_000, 1000));
    const roomy = engineWith({ maxSamplesAll: 60_000, clock: tickingClock(11) });
    expect(await Promise.all(Array.from({ length: 20 }, () => ask(roomy)))).toEqual(Array(20).fill("none"));
    const narrow = engineWith({ maxSamplesAll: 30_000, clock: { monotonicMs: () => 0 } });
    const kinds = await Promise.all(Array.from({ length: 20 }, () => ask(narrow)));
    expect(kinds).toContain("none");
    expect(await ask(narrow)).toBe("none");
  });

  it("hold for all queries of one caller together, and count their time", async () => {
    const series = flat(100, 20);
    const ask = (engine: ReturnType<typeof createEngine>, share: QueryShare) =>
      kindOf(engine.range(storeOf(series), { expression: "a_total", share }, 0, 99_000, 1000));
    const share = { held: 0, maxSamples: 30_000, busyMs: 0 };
    const engine = engineWith({ clock: tickingClock(11) });
    const kinds = await Promise.all(Array.from({ length: 20 }, () => ask(engine, share)));
    expect(kinds).toEqual(Array(20).fill("none"));
    expect(share.held).toBe(0);
    expect(share.busyMs).toBeGreaterThan(20 * 11);
    expect(await ask(engine, { held: 0, maxSamples: 1, busyMs: 0 })).toBe("none");
    expect(await ask(engine, { held: 5, maxSamples: 6, busyMs: 0 })).toBe("limit");
  });

  it("let the event loop turn within one series", async () => {
    let turns = 0;
    const yieldNow = async () => {
      turns++;
    };
    const store = storeOf(flat(1, 10_000));
    const engine = engineWith({ clock: tickingClock(11), yieldNow });
    await engine.range(store, { expression: "quantile_over_time(0.5, a_total[1h])" }, 0, 9_999_000, 10_000);
    expect(turns).toBeGreaterThan(100);
  });
});

it("evaluates a tree in place of the text, and remarks name places of the text", async () => {
  const expression = "rate(  a[1m])";
  const tree = addMatcher(parseExpression(expression), new Matcher("=", "job", "x"));
  const asked: string[] = [];
  const store: Queryable = {
    select: (matchers) => {
      asked.push(matchers.join());
      return flat(2, 10);
    },
  };
  const { infos } = await engineWith().instant(store, { expression, tree }, 9000);
  expect(asked).toEqual(['__name__="a",job="x"']);
  expect(infos).toHaveLength(0);
  const named = { select: () => flat(1, 10).map((one) => ({ ...one, labels: Labels.from({ __name__: "a" }) })) };
  expect((await engineWith().instant(named, { expression, tree }, 9000)).infos[0]).toMatch(/"a" \(1:8\)$/);
});
