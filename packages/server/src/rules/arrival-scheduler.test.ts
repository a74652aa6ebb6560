import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { ArrivalScheduler } from "./arrival-scheduler.ts";
import type { RuleGroup } from "./rule-group.ts";

/** What the scheduler asks of a group. */
const group = { evaluationSeconds: 0.001, alertingRules: [] } as unknown as RuleGroup;

function start(clock: FakeClock) {
  const evaluatedAtMs: number[] = [];
  const scheduler = new ArrivalScheduler({
    clock,
    budgetShare: 0.1,
    feeding: () => new Set(),
    evaluate: async () => void evaluatedAtMs.push(clock.nowMs()),
  });
  return { scheduler, evaluatedAtMs };
}

/** Arrivals at 400, 1400, 2400, … with a tick of the same interval at 900, 1900, … */
async function run(clock: FakeClock, scheduler: ArrivalScheduler, rounds: number) {
  await clock.advance(400);
  for (let i = 0; i < rounds; i++) {
    scheduler.feed(group, clock.nowMs());
    await clock.advance(500);
    scheduler.ticking(group);
    scheduler.ticked(group);
    await clock.advance(500);
  }
}

test("a tick of the same interval does not put off what arrives after it", async () => {
  const clock = new FakeClock();
  const { scheduler, evaluatedAtMs } = start(clock);
  await run(clock, scheduler, 4);
  expect(evaluatedAtMs).toEqual([400, 1400, 2400, 3400]);
});

test("an evaluation at another moment than the scrapes does not put all later ones off", async () => {
  const clock = new FakeClock();
  const { scheduler, evaluatedAtMs } = start(clock);
  // Evaluated at 0 for something else than the scrapes.
  scheduler.feed(group, 0);
  await clock.advance(0);
  for (const atMs of [400, 1400, 2400, 3400]) {
    await clock.advance(atMs - clock.nowMs());
    scheduler.feed(group, atMs);
  }
  await clock.advance(1000);
  expect(evaluatedAtMs).toEqual([0, 400, 1400, 2400, 3400]);
});

test("arrivals that come all the time lead to about one evaluation a second", async () => {
  const clock = new FakeClock();
  const { scheduler, evaluatedAtMs } = start(clock);
  for (let i = 0; i < 100; i++) {
    scheduler.feed(group, clock.nowMs());
    await clock.advance(100);
  }
  expect(evaluatedAtMs.length).toBeLessThanOrEqual(12);
  expect(evaluatedAtMs.length).toBeGreaterThanOrEqual(9);
});
