import { expect, test } from "vitest";
import { SteadyTime } from "./clock.ts";

function setUp() {
  const machine = { wallMs: 1_000_000, monotonicMs: 0 };
  const time = new SteadyTime(
    () => machine.wallMs,
    () => machine.monotonicMs,
  );
  const pass = (ms: number) => {
    machine.wallMs += ms;
    machine.monotonicMs += ms;
    return time.now();
  };
  return { machine, time, pass };
}

test("time follows the wall clock, forward at once", () => {
  const { machine, time, pass } = setUp();
  expect(time.now()).toBe(1_000_000);
  expect(pass(500)).toBe(1_000_500);
  machine.wallMs += 3_600_000;
  expect(time.now()).toBe(4_600_500);
});

test("when the wall clock is set back, time waits for it without ever standing still", () => {
  const { machine, time, pass } = setUp();
  const before = time.now();
  machine.wallMs -= 10_000;
  expect(time.now()).toBe(before);
  let last = before;
  for (let i = 0; i < 99; i++) {
    const now = pass(1000);
    expect(now - last).toBe(900);
    last = now;
  }
  expect(last).toBeGreaterThan(machine.wallMs);
  pass(2000);
  expect(time.now()).toBe(machine.wallMs);
});

test("looking often makes it no faster or slower", () => {
  const { machine, time, pass } = setUp();
  const before = time.now();
  machine.wallMs -= 60_000;
  for (let i = 0; i < 1000; i++) pass(1);
  expect(time.now() - before).toBe(900);
});
