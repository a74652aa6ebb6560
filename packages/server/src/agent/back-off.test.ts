import { FakeClock } from "@storewatch/testkit";
import { expect, it } from "vitest";
import { BackOff } from "./back-off.ts";
import { withoutSecrets } from "./secrets.ts";

it("doubles the wait up to the limit, and forgets it after a success", async () => {
  const clock = new FakeClock();
  const backOff = new BackOff(clock, { firstMs: 1000, maxMs: 3000 });
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    expect(backOff.refusal()).toBeUndefined();
    backOff.failed("away");
    expect(backOff.refusal()).toBe("away");
    const startMs = clock.monotonicMs();
    while (backOff.refusal() !== undefined) await clock.advance(500);
    waits.push(clock.monotonicMs() - startMs);
  }
  expect(waits).toEqual([1000, 2000, 3000, 3000]);
  backOff.failed("away");
  backOff.succeeded();
  expect(backOff.refusal()).toBeUndefined();
  backOff.failed("away");
  await clock.advance(1000);
  expect(backOff.refusal()).toBeUndefined();
});

it("takes secrets out of messages, also as they stand in a URL", () => {
  const error = new Error("no redis://:a%2Fb@host for a/b");
  expect(withoutSecrets(error, ["a/b", undefined, ""])).toBe("no redis://:<secret>@host for <secret>");
  expect(withoutSecrets(new AggregateError([new Error("refused")], ""), [])).toBe("refused");
});
