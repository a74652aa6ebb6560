import { FakeClock } from "@storewatch/testkit";
import { describe, expect, it } from "vitest";
import { Breaker, type Pass } from "./breaker.ts";

function setUp() {
  const clock = new FakeClock(1_000_000);
  const breaker = new Breaker({ clock, failuresMax: 3, openMsFirst: 5000, openMsMax: 15_000 });
  const passes: string[] = [];
  const enter = (name: string, signal = new AbortController().signal) =>
    breaker.enter(signal).then((pass: Pass) => {
      passes.push(`${name} ${pass}`);
    });
  return { clock, breaker, passes, enter };
}

describe("breaker", () => {
  it("opens after failures in a row; a success between starts the count anew", async () => {
    const { breaker, enter, passes } = setUp();
    breaker.failed("500");
    breaker.failed("500");
    breaker.succeeded();
    breaker.failed("500");
    breaker.failed("500");
    await enter("a");
    expect(passes).toEqual(["a go"]);
    breaker.failed("no answer");
    expect(breaker.view()).toMatchObject({
      state: "open",
      reason: "no answer",
      retryAtMs: 1_005_000,
      sinceMs: 1_000_000,
    });
  });

  it("lets one attempt through when its time is over, and the others start over when that one succeeds", async () => {
    const { breaker, clock, enter, passes } = setUp();
    for (let i = 0; i < 3; i++) breaker.failed("500");
    for (const name of ["a", "b", "c"]) void enter(name);
    await clock.advance(4999);
    expect(passes).toEqual([]);
    await clock.advance(1);
    expect(passes).toEqual(["a again"]);
    await enter("a");
    expect([passes.at(-1), breaker.view().state]).toEqual(["a go", "half-open"]);
    await clock.advance(3000);
    expect(passes).toHaveLength(2);
    breaker.succeeded();
    await clock.advance(0);
    expect(passes.slice(2)).toEqual(["b again", "c again"]);
    expect(breaker.view()).toMatchObject({ state: "closed", sinceMs: undefined, waiting: 0, failuresInARow: 0 });
  });

  it("stays open for longer each time the attempt fails, up to its bound", async () => {
    const { breaker, clock, enter } = setUp();
    for (let i = 0; i < 3; i++) breaker.failed("500");
    for (const openMs of [5000, 10_000, 15_000, 15_000]) {
      expect((breaker.view().retryAtMs ?? 0) - clock.nowMs()).toBe(openMs);
      await clock.advance(openMs);
      await enter("probe");
      breaker.failed("still 500");
    }
    expect(breaker.view().sinceMs).toBe(1_000_000);
  });

  it("gives the turn to the next when who was let go has nothing to tell any more", async () => {
    const { breaker, clock, enter, passes } = setUp();
    for (let i = 0; i < 3; i++) breaker.failed("500");
    for (const name of ["a", "b"]) void enter(name);
    await clock.advance(5000);
    await clock.advance(500);
    expect(passes).toEqual(["a again", "b again"]);
  });

  it("gives the turn on when the attempt said nothing about the service", async () => {
    const { breaker, clock, enter, passes } = setUp();
    for (let i = 0; i < 3; i++) breaker.failed("500");
    void enter("waiting");
    await clock.advance(5000);
    await enter("probe");
    void enter("late");
    breaker.unknown();
    await clock.advance(0);
    expect(passes).toEqual(["waiting again", "probe go", "late again"]);
  });

  it("lets hundreds go in portions, and ends a wait with its signal", async () => {
    const { breaker, clock, enter, passes } = setUp();
    const controller = new AbortController();
    for (let i = 0; i < 3; i++) breaker.failed("500");
    for (let i = 0; i < 200; i++) void enter(`w${i}`);
    void enter("gone", controller.signal);
    controller.abort();
    await clock.advance(0);
    expect(passes).toEqual(["gone aborted"]);
    breaker.succeeded();
    await clock.advance(0);
    expect(passes.length).toBeLessThan(10);
    await clock.advance(10_000);
    expect(passes).toHaveLength(201);
  });

  it("waits as long as it is asked to, within reason", async () => {
    const { breaker, clock } = setUp();
    breaker.limited(20_000, "429");
    expect(breaker.view()).toMatchObject({ state: "open", retryAtMs: 1_020_000 });
    await clock.advance(20_000);
    expect(breaker.view().state).toBe("half-open");
    breaker.limited(9_999_999, "429");
    expect((breaker.view().retryAtMs ?? 0) - clock.nowMs()).toBe(300_000);
  });
});
