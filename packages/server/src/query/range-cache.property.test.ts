// A cached answer is the answer: whatever is written, late, deleted or dropped meanwhile, and whoever asks.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, Matcher, parseTenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { createEngine } from "@storewatch/promql/engine";
import { FakeClock } from "@storewatch/testkit";
import { openTsdb } from "@storewatch/tsdb";
import fc from "fast-check";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createEmbeddedMetricStore } from "../store/metrics/embedded.ts";
import { queryResultJson } from "./json.ts";
import { createQueryService, DEFAULT_QUERY_LIMITS } from "./service.ts";
import { createSlowQueryLog } from "./slow-queries.ts";

const START_MS = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);
const MINUTE = 60_000;
const shop = (...names: string[]) => tenantScope(names.map((name) => parseTenantId(name)!));
const SCOPES: readonly TenantScope[] = [ALL_TENANTS, shop("a"), shop("b"), shop("a", "b")];

async function setUp() {
  const dataDir = await mkdtemp(path.join(tmpdir(), "storewatch-cache-"));
  const clock = new FakeClock(START_MS + 120 * MINUTE);
  const tsdb = await openTsdb({ dataDir, clock, retention: { default: { name: "default", timeMs: 5 * 3_600_000 } } });
  const store = createEmbeddedMetricStore(tsdb);
  const logger = pino({ level: "silent" });
  const metrics = new Registry();
  const engine = createEngine({ clock });
  const service = createQueryService({
    store,
    engine,
    urgentEngine: engine,
    clock,
    metrics,
    slow: createSlowQueryLog({ slowMs: 1e9, clock, logger }),
    nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
    limits: { ...DEFAULT_QUERY_LIMITS, cacheBytes: 300_000 },
  });
  const close = async () => {
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { clock, store, service, metrics, close };
}

type Fixture = Awaited<ReturnType<typeof setUp>>;

interface Write {
  readonly kind: "write";
  readonly metric: string;
  readonly tenant: string;
  readonly series: number;
  /** Minutes before now. */
  readonly ago: number;
  readonly count: number;
  readonly value: number;
  readonly stale: boolean;
}
interface Ask {
  readonly kind: "ask";
  readonly question: number;
  readonly scope: number;
  readonly shift: number;
}
type Step =
  | Write
  | Ask
  | { readonly kind: "sleep"; readonly minutes: number }
  | { readonly kind: "delete"; readonly metric: string; readonly from: number; readonly length: number };

interface Question {
  readonly expression: string;
  readonly stepMs: number;
  readonly steps: number;
  readonly lookbackMs: number | undefined;
}

const metricName = fc.constantFrom("x_total", "y", "z");
const writeStep: fc.Arbitrary<Write> = fc.record({
  kind: fc.constant("write" as const),
  metric: metricName,
  tenant: fc.constantFrom("a", "b", ""),
  // Many: a late sample is taken only where its series has nothing much newer.
  series: fc.nat(20),
  ago: fc.oneof({ weight: 3, arbitrary: fc.nat(12) }, { weight: 3, arbitrary: fc.nat(100) }),
  count: fc.integer({ min: 1, max: 30 }),
  value: fc.oneof(fc.integer({ min: -5, max: 50 }), fc.double({ noNaN: true, min: -1e6, max: 1e6 })),
  stale: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: writeStep },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      question: fc.nat(3),
      scope: fc.nat(SCOPES.length - 1),
      shift: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 2, arbitrary: fc.integer({ min: -20, max: 20 }) },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("sleep" as const), minutes: fc.integer({ min: 0, max: 25 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("delete" as const),
      metric: metricName,
      from: fc.nat(120),
      length: fc.nat(60),
    }),
  },
);

const selector = fc
  .tuple(
    metricName,
    fc.constantFrom("", '{i!="1"}', '{tenant_id=~"a|"}', '{tenant_id!="b"}'),
    fc.constantFrom("", " offset 7m"),
  )
  .map(([name, matchers, offset]) => ({
    instant: `${name}${matchers}${offset}`,
    range: (span: string) => `${name}${matchers}[${span}]${offset}`,
  }));
const expression: fc.Arbitrary<string> = fc.letrec<{ vector: string }>((tie) => ({
  vector: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    selector.map(({ instant }) => instant),
    fc
      .tuple(
        selector,
        fc.constantFrom(
          "rate",
          "increase",
          "delta",
          "avg_over_time",
          "max_over_time",
          "count_over_time",
          "last_over_time",
          "stddev_over_time",
          "deriv",
          "changes",
        ),
        fc.constantFrom("5m", "13m", "90s"),
      )
      .map(([one, func, span]) => `${func}(${one.range(span)})`),
    fc
      .tuple(
        tie("vector"),
        fc.constantFrom("sum", "avg", "max", "count", "topk", "quantile", "count_values", "stddev", "bottomk"),
        fc.constantFrom("", " by (tenant_id)", " without (i)"),
      )
      .map(([inner, op, by]) => {
        const first =
          op === "topk" || op === "bottomk"
            ? "2, "
            : op === "quantile"
              ? "0.7, "
              : op === "count_values"
                ? '"v", '
                : "";
        return `${op}${by} (${first}${inner})`;
      }),
    fc
      .tuple(tie("vector"), fc.constantFrom("+ 1", "* 3", "> 5", ">= bool 4", "- time() / 1e9", "^ 2"))
      .map(([inner, tail]) => `(${inner}) ${tail}`),
    fc
      .tuple(
        tie("vector"),
        tie("vector"),
        fc.constantFrom("or", "and", "unless", "+ on (tenant_id, i)", "/ ignoring (i) group_left ()"),
      )
      .map(([a, b, op]) => `(${a}) ${op} (${b})`),
    fc
      .tuple(tie("vector"), fc.constantFrom("[20m:4m]", "[10m:]", "[9m:2m] offset 3m"))
      .map(([inner, tail]) => `max_over_time((${inner})${tail})`),
    tie("vector").map((inner) => `label_replace(${inner}, "i", "x$1", "i", "([0-2])")`),
    tie("vector").map((inner) => `absent(${inner})`),
    tie("vector").map((inner) => `clamp_max(${inner}, 20)`),
    fc.constantFrom("vector(time())", "scalar(y)", "17", "hour(z)", "timestamp(y)"),
  ),
})).vector;
/** Steps that depend on what lies after them or on the query. */
const dependent = fc.constantFrom(
  "x_total @ end()",
  "sum(rate(x_total[5m] @ start()))",
  "y offset -15m",
  "max_over_time(y[20m] offset -20m)",
  "max_over_time(x_total[30m:1m] offset -30m)",
  "count(count_over_time(x_total[40m] @ end())) or y",
  "sum(count_over_time(y[40m]))",
);
const question: fc.Arbitrary<Question> = fc.record({
  expression: fc.oneof({ weight: 3, arbitrary: expression }, { weight: 2, arbitrary: dependent }),
  stepMs: fc.constantFrom(15_000, 60_000, 60_000, 97_000, 240_000, 300_000),
  steps: fc.integer({ min: 0, max: 80 }),
  lookbackMs: fc.constantFrom(undefined, 120_000),
});

/** As deep as a query that both ways fail: the words must be the same. */
async function answer(call: () => Promise<Buffer>): Promise<string> {
  try {
    return String(await call());
  } catch (error) {
    return `error ${String(error)}`;
  }
}

async function run(fixture: Fixture, one: Step, questions: readonly Question[]): Promise<void> {
  const { clock, store, service } = fixture;
  const nowMs = clock.nowMs();
  if (one.kind === "sleep") {
    await clock.advance(one.minutes * MINUTE);
    await store.maintain();
  } else if (one.kind === "write") {
    const labels = Labels.from({ __name__: one.metric, tenant_id: one.tenant, i: String(one.series) });
    const samples = Array.from({ length: one.count }, (_, k) => ({
      labels,
      timeMs: nowMs - one.ago * MINUTE - (one.count - 1 - k) * 20_000,
      value: one.value + k,
      stale: one.stale && k === one.count - 1,
    }));
    await store.append(ALL_TENANTS, samples);
  } else if (one.kind === "delete") {
    const fromMs = nowMs - one.from * MINUTE;
    await store.delete?.(ALL_TENANTS, [new Matcher("=", "__name__", one.metric)], fromMs, fromMs + one.length * MINUTE);
  } else {
    const { expression, stepMs, steps, lookbackMs } = questions[one.question % questions.length];
    const endMs = Math.floor(nowMs / stepMs) * stepMs + one.shift * stepMs;
    const ask = (isFresh: boolean) =>
      answer(async () =>
        queryResultJson(
          await service.range(SCOPES[one.scope], expression, endMs - steps * stepMs, endMs, stepMs, {
            isFresh,
            lookbackMs,
          }),
        ),
      );
    const cached = await ask(false);
    expect(cached, `${expression} step ${stepMs}`).toBe(await ask(true));
  }
}

test("a cached answer is byte for byte the uncached one (random writes, deletions, expressions, windows, shops)", async () => {
  let hits = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(question, { minLength: 1, maxLength: 3 }),
      fc.array(step, { minLength: 10, maxLength: 60 }),
      async (questions, steps) => {
        const fixture = await setUp();
        try {
          for (const one of steps) await run(fixture, one, questions);
          const counted = await fixture.metrics.getSingleMetric("storewatch_query_cache_requests_total")!.get();
          for (const { labels, value } of counted.values)
            if (labels.outcome !== "bypass" && labels.outcome !== "miss") hits += value;
        } finally {
          await fixture.close();
        }
      },
    ),
    { numRuns: 100 },
  );
  expect(hits).toBeGreaterThan(20);
}, 600_000);
