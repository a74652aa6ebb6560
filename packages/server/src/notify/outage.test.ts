// A receiver that answers 500 for an hour: the manager with the real notifier on a fake clock.
import { ALL_TENANTS, type PostableAlert } from "@storewatch/model";
import { FakeClock, seededRandom } from "@storewatch/testkit";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { createAlertManager, createMemoryPersistence } from "../alerts/index.ts";
import { configFrom, START_MS } from "../alerts/testing/harness.ts";
import { silentLogger } from "../kernel/logger.ts";
import type { SafeHttpRequest } from "../kernel/safe-http.ts";
import { createNotifier, loadTemplates } from "./index.ts";

const MINUTE = 60_000;
const CONFIG = `
route: { receiver: ops, group_by: [alertname], group_wait: 10s, group_interval: 5m, repeat_interval: 4h }
receivers:
- name: ops
  webhook_configs: [{ url: "http://broken.example/hook" }, { url: "http://fine.example/hook" }]
`;

interface Message {
  readonly atMs: number;
  readonly host: string;
  /** alertname, with "!" when resolved. */
  readonly alerts: readonly string[];
}

async function setUp(answer: (request: SafeHttpRequest) => number | "hang" | "garbage") {
  const clock = new FakeClock(START_MS);
  const asked: Message[] = [];
  const taken: Message[] = [];
  const metrics = new Registry();
  const templates = await loadTemplates([], { nowMs: () => clock.nowMs() });
  const notifier = createNotifier({
    clock,
    rng: seededRandom(7),
    logger: silentLogger,
    metrics,
    persistence: createMemoryPersistence(),
    http: async (request) => {
      const { host } = new URL(request.url);
      const body = JSON.parse(String(request.body)) as { alerts: { status: string; labels: { alertname: string } }[] };
      const alerts = body.alerts.map((a) => a.labels.alertname + (a.status === "resolved" ? "!" : ""));
      const message = { atMs: clock.nowMs() - START_MS, host, alerts };
      asked.push(message);
      const status = answer(request);
      if (status === "hang") {
        return new Promise((_, reject) => {
          request.signal?.addEventListener("abort", () => reject(new Error("called off")));
        });
      }
      // As the client fails on what is no HTTP.
      if (status === "garbage") throw new Error("Parse Error: Expected HTTP/");
      if (status < 300) taken.push(message);
      return { status, headers: {}, body: Buffer.from("x"), url: request.url };
    },
  });
  const manager = createAlertManager({
    config: configFrom(CONFIG),
    clock,
    logger: silentLogger,
    metrics: new Registry(),
    persistence: createMemoryPersistence(),
    externalUrl: "http://watch.example",
    deliveries: (receiver) => notifier.deliveries(receiver, templates),
  });
  await manager.start();
  const put = (...names: string[]) => {
    const alerts = names.map(
      (name): PostableAlert => ({
        labels: { alertname: name.replace("!", "") },
        annotations: {},
        startsAtMs: clock.nowMs(),
        endsAtMs: name.endsWith("!") ? clock.nowMs() : clock.nowMs() + 24 * 60 * MINUTE,
      }),
    );
    return manager.put(ALL_TENANTS, alerts);
  };
  const by = (messages: readonly Message[], host: string) => messages.filter((m) => m.host === host);
  return { clock, notifier, manager, metrics, put, asked, taken, by };
}

describe("a receiver that fails for an hour", () => {
  it.each(["500", "hang", "garbage"] as const)(
    "(%s) holds up nobody and is told once what is still true",
    async (how) => {
      let isDown = true;
      const { clock, put, asked, taken, by, notifier, manager, metrics } = await setUp(({ url }) => {
        if (!url.includes("broken") || !isDown) return 200;
        return how === "500" ? 500 : how;
      });
      const names = Array.from({ length: 20 }, (_, i) => `Stays${i}`);
      await put(...names, "Passes");
      await clock.advance(MINUTE);
      // The other integration of the same receiver is told in time.
      expect(
        by(taken, "fine.example")
          .map((m) => m.alerts[0])
          .sort(),
      ).toEqual([...names, "Passes"].sort());
      await clock.advance(29 * MINUTE);
      await put("Passes!");
      await clock.advance(30 * MINUTE);
      expect(by(taken, "broken.example")).toEqual([]);
      const [ops] = await notifier.receivers();
      expect(ops.integrations).toMatchObject([
        { integration: "webhook[0]", health: "failing", breaker: { state: /open/ } },
        { integration: "webhook[1]", health: "ok", breaker: { state: "closed" }, counts: { failed: 0 } },
      ]);
      expect(ops.integrations[0].counts.waiting).toBeGreaterThan(0);
      // 21 groups that knocked by themselves would have done so over a thousand times.
      expect(by(asked, "broken.example").length).toBeLessThan(220);
      isDown = false;
      const backMs = clock.nowMs() - START_MS;
      await clock.advance(6 * MINUTE);
      const told = by(taken, "broken.example");
      // What fired and ended meanwhile is no news any more.
      expect(told.map((m) => m.alerts.join()).sort()).toEqual([...names].sort());
      expect(Math.max(...told.map((m) => m.atMs)) - backMs).toBeLessThan(2 * MINUTE + 10_000);
      const [after] = await notifier.receivers();
      expect(after.integrations[0]).toMatchObject({
        health: "ok",
        breaker: { state: "closed" },
        counts: { waiting: 0 },
      });
      await clock.advance(60 * MINUTE);
      expect(by(taken, "broken.example")).toHaveLength(20);
      // One line for each group, however often it was tried.
      const lines = notifier.log.list(ALL_TENANTS, { limit: 500 }).filter((e) => e.integration === "webhook[0]");
      expect(new Set(lines.filter((e) => e.outcome === "delivered").map((e) => e.groupKey)).size).toBe(20);
      expect(lines.filter((e) => e.outcome === "retrying")).toEqual([]);
      expect(lines.length).toBeLessThanOrEqual(21);
      const text = await metrics.metrics();
      expect(text).toContain('storewatch_receiver_held{receiver="ops",integration="webhook[0]"} 0');
      await manager.stop();
    },
  );

  it("tells the end of what was told before the outage", async () => {
    let isDown = false;
    const { clock, put, taken, by, manager } = await setUp(({ url }) => (url.includes("broken") && isDown ? 503 : 200));
    await put("A", "B");
    await clock.advance(MINUTE);
    expect(
      by(taken, "broken.example")
        .map((m) => m.alerts.join())
        .sort(),
    ).toEqual(["A", "B"]);
    isDown = true;
    await clock.advance(10 * MINUTE);
    await put("A!");
    await clock.advance(40 * MINUTE);
    isDown = false;
    await clock.advance(10 * MINUTE);
    expect(
      by(taken, "broken.example")
        .slice(2)
        .map((m) => m.alerts.join()),
    ).toEqual(["A!"]);
    await manager.stop();
  });

  it("keeps knocking on its own where the URL is made anew for each notification", async () => {
    const { clock, put, asked, by, manager, notifier } = await setUp(({ url }) => (url.includes("broken") ? 500 : 200));
    await manager.reload(
      configFrom(CONFIG.replace("http://broken.example/hook", "http://broken.example/{{ .GroupLabels.alertname }}")),
    );
    await put("A");
    await clock.advance(3 * MINUTE);
    expect(by(asked, "broken.example").length).toBeGreaterThan(8);
    const [ops] = await notifier.receivers();
    expect(ops.integrations[0].counts.waiting).toBe(0);
    const stopped = manager.stop();
    await clock.advance(10_000);
    await stopped;
  });
});
