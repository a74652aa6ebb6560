import { FakeClock } from "@storewatch/testkit";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { createLogger } from "../kernel/logger.ts";
import { SafeHttpError } from "../kernel/safe-http.ts";
import { createHeartbeat } from "./heartbeat.ts";

function setUp() {
  const clock = new FakeClock(1_000_000);
  const metrics = new Registry();
  const beats: string[] = [];
  const state = { problem: undefined as string | undefined, status: 200, fails: false };
  const lines: string[] = [];
  const logger = Object.assign(createLogger("silent"), {
    warn: (fields: object, text: string) => lines.push(`${text} ${JSON.stringify(fields)}`),
    info: (fields: object | string, text = "") =>
      lines.push(typeof fields === "string" ? fields : `${text} ${JSON.stringify(fields)}`),
  });
  const heartbeat = createHeartbeat({
    clock,
    metrics,
    logger,
    problem: () => state.problem,
    http: async ({ url, method, origin }) => {
      beats.push(`${clock.nowMs() - 1_000_000} ${method} ${origin}`);
      if (state.fails) throw new SafeHttpError("connect", `cannot reach ${url}`);
      return { status: state.status, headers: {}, body: Buffer.alloc(0), url };
    },
  });
  const count = async (outcome: string) => {
    const { values } = await metrics.getSingleMetric("storewatch_heartbeats_total")!.get();
    return values.find((v) => v.labels.outcome === outcome)?.value;
  };
  return { clock, heartbeat, beats, state, lines, count };
}

const CONFIG = { url: "https://hc.example/ping/0123-secret-uuid", method: "GET", intervalMs: 60_000 } as const;

describe("heartbeat", () => {
  it("goes out at once and at its interval, as the operator's request", async () => {
    const { clock, heartbeat, beats, count } = setUp();
    heartbeat.configure(CONFIG);
    await clock.advance(120_000);
    expect(beats).toEqual(["0 GET operator", "60000 GET operator", "120000 GET operator"]);
    expect(await count("sent")).toBe(3);
    heartbeat.stop();
    await clock.advance(600_000);
    expect(beats).toHaveLength(3);
  });

  it("is withheld while the chain does not work, and comes soon after it does", async () => {
    const { clock, heartbeat, beats, state, lines, count } = setUp();
    state.problem = "nothing scraped for 2m";
    heartbeat.configure(CONFIG);
    await clock.advance(62_000);
    expect(beats).toEqual([]);
    expect(await count("withheld")).toBeGreaterThan(5);
    expect(lines).toEqual(['heartbeat withheld {"reason":"nothing scraped for 2m"}']);
    state.problem = undefined;
    await clock.advance(5_000);
    expect(beats).toHaveLength(1);
  });

  it("that fails is counted and told once, without its secret, and goes on", async () => {
    const { clock, heartbeat, beats, state, lines, count } = setUp();
    state.fails = true;
    heartbeat.configure(CONFIG);
    await clock.advance(180_000);
    state.fails = false;
    state.status = 404;
    await clock.advance(60_000);
    expect(beats).toHaveLength(5);
    expect(await count("failed")).toBe(5);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("0123-secret-uuid");
    state.status = 204;
    await clock.advance(60_000);
    expect(await count("sent")).toBe(1);
    expect(lines.at(-1)).toBe("heartbeat sent again");
  });

  it("follows a reload", async () => {
    const { clock, heartbeat, beats } = setUp();
    heartbeat.configure(CONFIG);
    await clock.advance(1000);
    heartbeat.configure({ ...CONFIG });
    await clock.advance(1000);
    expect(beats).toHaveLength(1);
    heartbeat.configure({ ...CONFIG, method: "POST", intervalMs: 5000 });
    await clock.advance(5000);
    expect(beats.slice(1)).toEqual(["2000 POST operator", "7000 POST operator"]);
    heartbeat.configure(undefined);
    await clock.advance(60_000);
    expect(beats).toHaveLength(3);
  });
});
