import type { NotificationData } from "@storewatch/model";
import { FakeClock, seededRandom } from "@storewatch/testkit";
import { describe, expect, it } from "vitest";
import type { DeliveryResult, Integration } from "../interface.ts";
import { deliverWithRetry } from "./retry.ts";

const record = { target: "t", subject: "", body: "", answer: "" };
const retry = (retryAfterMs?: number): DeliveryResult => ({ outcome: "retry", reason: "503", retryAfterMs, record });
const delivered: DeliveryResult = { outcome: "delivered", record };
const data = {} as NotificationData;

function play(
  results: (DeliveryResult | "hang")[],
  options: { timeoutMs?: number; limitMs?: number; rng?: () => number } = {},
) {
  const clock = new FakeClock(0);
  const attempts: number[] = [];
  const integration: Integration = {
    kind: "webhook",
    index: 0,
    sendResolved: true,
    timeoutMs: options.timeoutMs ?? 0,
    send: () => {
      const result = results[Math.min(attempts.length, results.length - 1)];
      attempts.push(clock.nowMs());
      return result === "hang" ? new Promise(() => {}) : Promise.resolve(result);
    },
  };
  const controller = new AbortController();
  clock.setTimer(options.limitMs ?? 300_000, () => controller.abort(new Error("time over")));
  const done = deliverWithRetry(integration, data, {
    clock,
    rng: options.rng ?? (() => 0),
    signal: controller.signal,
    onRetry: () => {},
  });
  return { clock, attempts, done };
}

describe("a delivery", () => {
  it("is tried again with growing pauses until it is delivered", async () => {
    const { clock, attempts, done } = play([retry(), retry(), retry(), delivered]);
    await clock.advance(60_000);
    expect(await done).toMatchObject({ attempts: 4, result: { outcome: "delivered" } });
    expect(attempts).toEqual([0, 500, 1250, 2375]);
  });

  it("is not tried again when it was refused", async () => {
    const { done } = play([{ outcome: "failed", reason: "404", record }]);
    expect(await done).toMatchObject({ attempts: 1, result: { outcome: "failed", reason: "404" } });
  });

  it("waits as long as the receiver asks, within reason", async () => {
    const { clock, attempts } = play([retry(20_000), retry(86_400_000), delivered], { limitMs: 10_000_000 });
    await clock.advance(1_000_000);
    expect(attempts).toEqual([0, 20_000, 320_000]);
  });

  it("cuts off an attempt after its time, also when the integration does not listen", async () => {
    const { clock, attempts, done } = play(["hang", delivered], { timeoutMs: 500 });
    await clock.advance(5000);
    expect(await done).toMatchObject({ attempts: 2 });
    expect(attempts).toEqual([0, 1000]);
  });

  it("ends with the flush, and says why the last attempt failed", async () => {
    const hanging = play(["hang"], { limitMs: 7000 });
    await hanging.clock.advance(7001);
    expect(await hanging.done).toMatchObject({ result: { outcome: "failed", reason: "time over" } });
    const failing = play([retry()], { limitMs: 3000 });
    await failing.clock.advance(3001);
    expect(await failing.done).toMatchObject({ result: { outcome: "failed", reason: "503" } });
  });

  it("spreads retries by lengthening pauses only", async () => {
    const { clock, attempts } = play([retry(), retry(), delivered], { rng: seededRandom(7) });
    await clock.advance(60_000);
    expect(attempts[1]).toBeGreaterThanOrEqual(500);
    expect(attempts[1]).toBeLessThan(750);
  });
});
