import type { PostableAlert } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../kernel/logger.ts";
import { type AlertmanagerTarget, createAlertmanagerSender } from "./sender.ts";

const alert = (name: string, more: Partial<PostableAlert> = {}): PostableAlert => ({
  labels: { alertname: name },
  annotations: { summary: name },
  startsAtMs: 1_000,
  endsAtMs: 241_000,
  generatorUrl: "http://watch.example/graph",
  ...more,
});

function setUp(options: { queueMax?: number; batchMax?: number } = {}) {
  const clock = new FakeClock(0);
  const metrics = new Registry();
  const sender = createAlertmanagerSender({ clock, rng: () => 0, logger: silentLogger, metrics, ...options });
  const posts: { name: string; alerts: { labels: { alertname: string }; endsAt?: string }[] }[] = [];
  let answer: (name: string) => number | Promise<number> = () => 200;
  const target = (name: string, relabel: AlertmanagerTarget["relabel"] = (labels) => labels): AlertmanagerTarget => ({
    name,
    relabel,
    async post(body) {
      posts.push({ name, alerts: JSON.parse(body) });
      return answer(name);
    },
  });
  const count = async (metric: string, name: string) => {
    const { values } = await metrics.getSingleMetric(`storewatch_alertmanager_${metric}`)!.get();
    return values.find((v) => v.labels.alertmanager === name)?.value ?? 0;
  };
  const names = () => posts.map((p) => `${p.name}: ${p.alerts.map((a) => a.labels.alertname).join()}`);
  return { clock, sender, posts, names, target, count, answerWith: (next: typeof answer) => (answer = next) };
}

describe("external Alertmanagers", () => {
  it("get every alert in the form of the API", async () => {
    const { clock, sender, posts, target, count } = setUp();
    sender.setTargets([target("a"), target("b")]);
    sender.send([alert("X"), alert("Y", { endsAtMs: undefined, generatorUrl: "" })]);
    await clock.advance(0);
    expect(posts).toHaveLength(2);
    expect(posts[0].alerts).toEqual([
      {
        labels: { alertname: "X" },
        annotations: { summary: "X" },
        startsAt: "1970-01-01T00:00:01.000Z",
        endsAt: "1970-01-01T00:04:01.000Z",
        generatorURL: "http://watch.example/graph",
      },
      { labels: { alertname: "Y" }, annotations: { summary: "Y" }, startsAt: "1970-01-01T00:00:01.000Z" },
    ]);
    expect(await count("alerts_sent_total", "b")).toBe(2);
  });

  it("get them in batches", async () => {
    const { clock, sender, names, target } = setUp({ batchMax: 2 });
    sender.setTargets([target("a")]);
    sender.send(["1", "2", "3", "4", "5"].map((name) => alert(name)));
    await clock.advance(0);
    expect(names()).toEqual(["a: 1,2", "a: 3,4", "a: 5"]);
  });

  it("that are down hold up nobody, and get each alert once, with its newest state", async () => {
    const { clock, sender, posts, names, target, answerWith, count } = setUp();
    let isDown = true;
    answerWith((name) => (name === "down" && isDown ? 503 : 200));
    sender.setTargets([target("down"), target("up")]);
    for (let minute = 0; minute < 30; minute++) {
      sender.send([alert("X", { endsAtMs: minute * 60_000 + 240_000 }), alert("Y")]);
      if (minute === 20) sender.send([alert("Z", { endsAtMs: clock.nowMs() })]);
      await clock.advance(60_000);
    }
    expect(names().filter((line) => line.startsWith("up"))).toHaveLength(31);
    expect(await count("errors_total", "down")).toBeGreaterThan(20);
    isDown = false;
    posts.length = 0;
    await clock.advance(60_000);
    expect(names()).toEqual(["down: Z,X,Y"]);
    expect(posts[0].alerts[1].endsAt).toBe(new Date(29 * 60_000 + 240_000).toISOString());
    expect(await count("alerts_dropped_total", "down")).toBe(0);
  });

  it("push the oldest out of a full queue, and say so", async () => {
    const { clock, sender, names, target, answerWith, count } = setUp({ queueMax: 3, batchMax: 3 });
    let isDown = true;
    answerWith(() => (isDown ? Promise.reject(new Error("connection refused")) : 200));
    sender.setTargets([target("a")]);
    sender.send(["1", "2", "3", "4", "5"].map((name) => alert(name)));
    await clock.advance(100);
    expect(await count("alerts_dropped_total", "a")).toBe(2);
    expect(await count("queue_length", "a")).toBe(3);
    isDown = false;
    await clock.advance(60_000);
    expect(names().at(-1)).toBe("a: 3,4,5");
  });

  it("that refuse a batch do not get it again", async () => {
    const { clock, sender, names, target, answerWith, count } = setUp({ batchMax: 1 });
    answerWith(() => (names().length === 1 ? 400 : 200));
    sender.setTargets([target("a")]);
    sender.send([alert("bad"), alert("good")]);
    await clock.advance(60_000);
    expect(names()).toEqual(["a: bad", "a: good"]);
    expect(await count("alerts_dropped_total", "a")).toBe(1);
  });

  it("get what relabelling leaves, and are forgotten by a reload", async () => {
    const { clock, sender, posts, names, target } = setUp();
    const relabel: AlertmanagerTarget["relabel"] = (labels) =>
      labels.alertname === "secret" ? undefined : { ...labels, cluster: "eu" };
    sender.setTargets([target("a", relabel), target("gone")]);
    sender.setTargets([target("a", relabel)]);
    sender.send([alert("secret"), alert("X")]);
    await clock.advance(0);
    expect(names()).toEqual(["a: X"]);
    expect(posts[0].alerts[0].labels).toEqual({ alertname: "X", cluster: "eu" });
  });

  it("get what still waits when the process ends, unless they are down", async () => {
    const { clock, sender, names, target, answerWith } = setUp();
    let release: (status: number) => void = () => {};
    answerWith(() => new Promise((resolve) => (release = resolve)));
    sender.setTargets([target("a")]);
    sender.send([alert("X")]);
    await clock.advance(0);
    sender.send([alert("Y")]);
    const stopped = sender.stop(3000);
    answerWith(() => 200);
    release(200);
    await clock.advance(100);
    await stopped;
    expect(names()).toEqual(["a: X", "a: Y"]);
  });
});
