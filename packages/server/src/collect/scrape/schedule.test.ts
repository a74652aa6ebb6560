import type { Clock } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { Schedule } from "./schedule.ts";

async function stampsOf(clock: Clock, machine: FakeClock, forMs: number): Promise<number[]> {
  const stamps: number[] = [];
  const schedule = new Schedule(clock, "target", 1000, async (timeMs) => {
    expect(timeMs).toBeLessThanOrEqual(clock.nowMs());
    stamps.push(timeMs);
  });
  schedule.start(1000);
  await machine.advance(forMs);
  schedule.stop();
  return stamps;
}

test("rows lie on a grid, one for each interval", async () => {
  const machine = new FakeClock(1_000_000);
  const stamps = await stampsOf(machine, machine, 20_500);
  expect(stamps.length).toBeGreaterThanOrEqual(20);
  stamps.slice(1).forEach((stamp, i) => void expect(stamp - stamps[i]).toBe(1000));
});

test("when time is slower than the timers, or these fire early, no time comes twice", async () => {
  const machine = new FakeClock(1_000_000);
  const slow: Clock = {
    nowMs: () => Math.floor(1_000_000 + (machine.nowMs() - 1_000_000) * 0.9),
    monotonicMs: () => machine.monotonicMs(),
    setTimer: (delayMs, call) => machine.setTimer(Math.max(1, delayMs - 1), call),
  };
  const stamps = await stampsOf(slow, machine, 100_000);
  expect(stamps.length).toBeGreaterThanOrEqual(88);
  stamps.slice(1).forEach((stamp, i) => void expect(stamp - stamps[i]).toBe(1000));
});
