import { ALL_TENANTS, parseTenantId, type TenantScope, tenantScope } from "@storewatch/model";
import type { Engine, QueryRequest, QueryResult } from "@storewatch/promql/engine";
import { FakeClock } from "@storewatch/testkit";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { StorewatchError } from "../kernel/errors.ts";
import type { MetricStore } from "../store/interface.ts";
import { createQueryService } from "./service.ts";
import { createSlowQueryLog } from "./slow-queries.ts";

const RESULT: QueryResult = {
  value: { type: "scalar", timeMs: 0, value: 1 },
  warnings: [],
  infos: [],
  stats: { samplesRead: 0, peakSamples: 0, busyMs: 0 },
};

/** An engine whose queries end when they are told to. */
function heldEngine() {
  const running: Array<{ readonly expression: string; end(busyMs?: number): void }> = [];
  const start = (_store: unknown, { expression, share }: QueryRequest) =>
    new Promise<QueryResult>((resolve) =>
      running.push({
        expression,
        end(busyMs = 0) {
          if (share) share.busyMs += busyMs;
          resolve(RESULT);
        },
      }),
    );
  const engine: Engine = { instant: start, range: start };
  return { engine, running };
}

function setUp() {
  const people = heldEngine();
  const rules = heldEngine();
  const changes = { mark: () => 1, firstSince: () => undefined };
  const store: Partial<MetricStore> = { changes };
  const clock = new FakeClock(0);
  const logger = pino({ level: "silent" });
  const slow = createSlowQueryLog({ slowMs: 1000, clock, logger });
  const service = createQueryService({
    store: store as MetricStore,
    slow,
    nextTurn: () => Promise.resolve(),
    engine: people.engine,
    urgentEngine: rules.engine,
    clock,
    metrics: new Registry(),
    limits: {
      concurrency: 3,
      queue: 4,
      concurrencyOfShops: 2,
      queueOfShops: 1,
      timeoutMs: 1000,
      maxSamples: 1,
      maxPoints: 1,
      maxSamplesOfShops: 1,
      busyMsPerMinuteOfShops: 10_000,
      cacheBytes: 0,
    },
  });
  const refused: string[] = [];
  const ask = (scope: TenantScope, expression: string) =>
    void service.instant(scope, expression, 0).catch((error: unknown) => {
      refused.push(`${expression} ${error instanceof StorewatchError ? error.code : String(error)}`);
    });
  return { people, rules, service, ask, refused, clock, slow };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const shop = tenantScope([parseTenantId("acme")!]);

test("people's queries wait for each other, and are refused when too many wait; rules wait for nobody", async () => {
  const { people, rules, service, ask, refused } = setUp();
  for (let i = 0; i < 8; i++) ask(ALL_TENANTS, `q${i}`);
  await settled();
  expect(people.running.map(({ expression }) => expression)).toEqual(["q0", "q1", "q2"]);
  expect(refused).toEqual(["q7 LIMIT"]);
  const rule = service.instant(ALL_TENANTS, "rule", 0, { isUrgent: true });
  await settled();
  rules.running[0].end();
  expect(await rule).toEqual(RESULT);
  people.running[1].end();
  await settled();
  expect(people.running.map(({ expression }) => expression)).toEqual(["q0", "q1", "q2", "q3"]);
});

test("one shop's people cannot take all places", async () => {
  const { people, ask, refused } = setUp();
  for (const name of ["a", "b", "c", "d"]) ask(shop, name);
  await settled();
  expect(people.running).toHaveLength(2);
  expect(refused).toEqual(["d LIMIT"]);
  ask(ALL_TENANTS, "other");
  await settled();
  expect(people.running.map(({ expression }) => expression).at(-1)).toBe("other");
  people.running[0].end();
  await settled();
  expect(people.running.map(({ expression }) => expression).at(-1)).toContain("c");
});

test("who goes while waiting leaves the queue", async () => {
  const { people, service, ask } = setUp();
  for (const name of ["a", "b", "c"]) ask(ALL_TENANTS, name);
  const abort = new AbortController();
  const gone = service.instant(ALL_TENANTS, "gone", 0, { signal: abort.signal });
  ask(ALL_TENANTS, "stays");
  await settled();
  abort.abort();
  await expect(gone).rejects.toMatchObject({ kind: "canceled" });
  people.running[0].end();
  await settled();
  expect(people.running.map(({ expression }) => expression).at(-1)).toBe("stays");
});

test("the callers of one shop have so much time in a minute, and get it back", async () => {
  const { people, ask, refused, clock } = setUp();
  ask(shop, "dear");
  await settled();
  people.running[0].end(25_000);
  await settled();
  ask(shop, "refused");
  ask(ALL_TENANTS, "other");
  await settled();
  expect(refused).toEqual(["refused LIMIT"]);
  expect(people.running.map(({ expression }) => expression).at(-1)).toBe("other");
  await clock.advance(91_000);
  ask(shop, "again");
  await settled();
  expect(people.running.map(({ expression }) => expression).at(-1)).toContain("again");
});

test("slow queries are noted, for whoever may know of them", async () => {
  const { people, service, clock, slow } = setUp();
  const ask = async (scope: TenantScope, expression: string, tookMs: number) => {
    const asked = service.instant(scope, expression, 5000, { who: "me" });
    await settled();
    await clock.advance(tookMs);
    people.running.at(-1)?.end();
    await asked;
  };
  await ask(shop, "quick", 10);
  await ask(shop, "mine", 1500);
  await ask(tenantScope([parseTenantId("acme")!, parseTenantId("rival")!]), "of_both", 1500);
  await ask(ALL_TENANTS, "all", 2500);
  expect(slow.list(ALL_TENANTS).map(({ expression }) => expression)).toEqual(["all", "of_both", "mine"]);
  expect(slow.list(shop)).toMatchObject([
    { expression: "mine", who: "me", duration: 1.5, tenants: ["acme"], outcome: "ok", kind: "instant", start: 5 },
  ]);
  expect(slow.list(tenantScope([parseTenantId("rival")!]))).toEqual([]);
});
