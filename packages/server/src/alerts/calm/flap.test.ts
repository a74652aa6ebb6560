import { ALL_TENANTS } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { describe, expect, it } from "vitest";
import { CALM_DEFAULTS } from "../../config/calm.ts";
import { createMemoryPersistence } from "../interface.ts";
import { alert, createHarness, type HarnessOptions, START_MS } from "../testing/harness.ts";

const CONFIG = `
global: { smtp_smarthost: "mail.example:25", smtp_from: watch@example.com }
route: { receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1m, repeat_interval: 4h }
receivers:
- name: ops
  email_configs: [{ to: ops@example.com, send_resolved: true }]
  webhook_configs: [{ url: "https://hook.example" }]
`;
const MINUTE = 60_000;

async function started(options: Partial<HarnessOptions<FakeClock>> = {}) {
  const clock = options.clock ?? new FakeClock(START_MS);
  const harness = createHarness(CONFIG, { ...options, clock });
  await harness.manager.start();
  const { manager } = harness;
  const fire = (name = "A") =>
    manager.put(ALL_TENANTS, [
      alert(name, {}, { annotations: { summary: "Bad" }, endsAtMs: clock.nowMs() + 3_600_000 }),
    ]);
  const resolve = (name = "A") => manager.put(ALL_TENANTS, [alert(name, {}, { endsAtMs: clock.nowMs() })]);
  const flip = async (times: number) => {
    for (let i = 0; i < times; i++) {
      await (i % 2 === 0 ? fire() : resolve());
      await clock.advance(MINUTE);
    }
  };
  const mails = () => harness.lines().filter((line) => line.includes("email"));
  const hooks = () => harness.lines().filter((line) => line.includes("webhook"));
  return { ...harness, fire, resolve, flip, mails, hooks };
}

describe("an alert that flaps", () => {
  it("is told once as flapping, and its state once when it is calm", async () => {
    const { clock, flip, mails, sent } = await started();
    // fires at 0, 2, 4, 6, 8 and 10 min, and resolves in between: the fifth change is one too many
    await flip(11);
    expect(mails()).toEqual([
      "0 ops/email0 A",
      "120 ops/email0 A!",
      "120 ops/email0 A",
      "240 ops/email0 A!",
      "240 ops/email0 A",
    ]);
    expect(sent.filter(({ way }) => way === "ops/email0").at(-1)?.data.alerts[0].annotations).toMatchObject({
      summary: "Bad [flapping]",
      flapping: expect.stringMatching(/^Flapping: more than 4 changes .* within 15m .*calm|not changed for 15m/),
    });
    await clock.advance(13 * MINUTE);
    expect(mails()).toHaveLength(5);
    // the last change was at 10 min
    await clock.advance(2 * MINUTE);
    expect(mails().slice(5)).toEqual(["1500 ops/email0 A"]);
    expect(sent.at(-1)?.data.alerts[0].annotations).toEqual({ summary: "Bad" });
  });

  it("is told as resolved once when it ends in calm", async () => {
    const { clock, flip, mails, manager } = await started();
    await flip(10);
    expect(manager.alerts(ALL_TENANTS)).toEqual([]);
    await clock.advance(40 * MINUTE);
    expect(mails().slice(4)).toEqual(["240 ops/email0 A", "1440 ops/email0 A!"]);
    // and nothing is kept of it
    await clock.advance(40 * MINUTE);
    expect(manager.calm.flap.size).toBe(0);
    expect(mails()).toHaveLength(6);
  });

  it("is told to machines with each change", async () => {
    const { flip, hooks, clock } = await started();
    await flip(11);
    expect(hooks()).toHaveLength(11);
    await clock.advance(40 * MINUTE);
    expect(hooks()).toHaveLength(11);
  });

  it("is told to machines like to people when the configuration says so", async () => {
    const { flip, hooks } = await started({ calm: { ...CALM_DEFAULTS, webhooks: true } });
    await flip(11);
    expect(hooks()).toHaveLength(5);
  });

  it("does not keep machines from the rest of its group, nor repeats itself to them", async () => {
    const { flip, hooks, manager, clock } = await started();
    await flip(10);
    const told = hooks().length;
    await manager.put(ALL_TENANTS, [alert("A", { instance: "two" })]);
    await clock.advance(MINUTE);
    // not with the A that has resolved and is kept for people
    expect(hooks().slice(told)).toEqual(["660 ops/webhook0 A"]);
  });

  it("does not flap when it is switched off", async () => {
    const { flip, mails, sent } = await started({ calm: { ...CALM_DEFAULTS, flap: undefined } });
    await flip(11);
    expect(mails()).toHaveLength(11);
    expect(JSON.stringify(sent.map(({ data }) => data))).not.toContain("flapping");
  });

  it("counts ends that nobody reported", async () => {
    const { clock, manager } = await started();
    for (let i = 0; i < 3; i++) {
      await manager.put(ALL_TENANTS, [alert("A", {}, { endsAtMs: clock.nowMs() + MINUTE })]);
      await clock.advance(2 * MINUTE);
    }
    expect(manager.calm.flap.marks(clock.nowMs())).toMatchObject([{ changes: 5 }]);
  });

  it("does not flap over a long time", async () => {
    const { clock, manager, fire, resolve } = await started();
    for (let i = 0; i < 10; i++) {
      await fire();
      await clock.advance(4 * MINUTE);
      await resolve();
      await clock.advance(4 * MINUTE);
    }
    expect(manager.calm.flap.marks(clock.nowMs())).toEqual([]);
  });

  it("is still known to flap after a restart", async () => {
    const kept = createMemoryPersistence();
    const first = await started({ kept });
    await first.flip(10);
    await first.manager.stop();
    const second = await started({ kept, clock: first.clock });
    await second.clock.advance(MINUTE);
    await second.fire();
    await second.clock.advance(10 * MINUTE);
    expect(second.mails()).toEqual([]);
    await second.clock.advance(10 * MINUTE);
    expect(second.mails()).toHaveLength(1);
    expect(second.mails()[0]).toMatch(/ A$/);
  });
});
