import { ALL_TENANTS, parseTenantId, type TenantScope, tenantScope } from "@storewatch/model";
import type { Engine, QueryResult } from "@storewatch/promql/engine";
import { FakeClock } from "@storewatch/testkit";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { StorewatchError } from "../kernel/errors.ts";
import type { MetricStore } from "../store/interface.ts";
import { createQueryService } from "./service.ts";

const RESULT: QueryResult = {
  value: { type: "scalar", timeMs: 0, value: 1 },
  warnings: [],
  infos: [],
  stats: { samplesRead: 0, peakSamples: 0, busyMs: 0 },
};

/** An engine whose queries end when they are told to. */
function heldEngine() {
  const running: Array<{ readonly expression: string; end(): void }> = [];
  const start = (_store: unknown, { expression }: { expression: string }) =>
    new Promise<QueryResult>((resolve) => running.push({ expression, end: () => resolve(RESULT) }));
  const engine: Engine = { instant: start, range: start };
  return { engine, running };
}

function setUp() {
  const people = heldEngine();
  const rules = heldEngine();
  const service = createQueryService({
    store: {} as MetricStore,
    engine: people.engine,
    urgentEngine: rules.engine,
    clock: new FakeClock(0),
    metrics: new Registry(),
    limits: {
      concurrency: 3,
      queue: 4,
      concurrencyOfShops: 2,
      queueOfShops: 1,
      timeoutMs: 1000,
      maxSamples: 1,
      maxPoints: 1,
    },
  });
  const refused: string[] = [];
  const ask = (scope: TenantScope, expression: string) =>
    void service.instant(scope, expression, 0).catch((error: unknown) => {
      refused.push(`${expression} ${error instanceof StorewatchError ? error.code : String(error)}`);
    });
  return { people, rules, service, ask, refused };
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
  expect(await rule).toBe(RESULT);
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
