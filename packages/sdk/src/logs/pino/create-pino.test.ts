import pino from "pino";
import { describe, expect, test } from "vitest";
import { metricOf, testService } from "../testing.ts";
import { createPino, type PinoOptions } from "./index.ts";

function logging(options: PinoOptions = {}) {
  const sw = testService({ clock: { wallMs: () => Date.UTC(2026, 10, 22), monotonicMs: () => 1 } });
  const texts: string[] = [];
  const logger = createPino(sw, pino, options, { write: (text: string) => void texts.push(text) });
  const lines = () => texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  return { sw, logger, texts, lines };
}

describe("pino", () => {
  test("writes the same fields as winston does, with those of the running work", () => {
    const { sw, logger, lines } = logging();
    sw.context.run({ tenantId: "acme", userId: "ann", requestId: "r1" }, () =>
      logger.info({ orderId: 7 }, "placed %s", "it"),
    );
    expect(lines()[0]).toEqual({
      timestamp: "2026-11-22T00:00:00.000Z",
      level: "info",
      message: "placed it",
      service: "checkout",
      version: "1.2.3",
      environment: "production",
      tenantId: "acme",
      userId: "ann",
      requestId: "r1",
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      orderId: 7,
    });
  });

  test("takes no tenant that cannot be one, and no secret: in fields, texts, values, children and errors", () => {
    const { sw, logger, texts, lines } = logging();
    sw.context.run({ tenantId: "acme" }, () =>
      logger.info({ tenantId: "../x", password: "hunter2" }, "to ann@shop.example"),
    );
    logger.child({ apiKey: "k-1234567", part: "cart" }).warn("bearer %s", "of bob@shop.example");
    logger.error(new Error("card 4111111111111111", { cause: new Error("token=abcdef") }));
    expect(texts.join("")).not.toMatch(/hunter2|ann@|bob@|k-1234567|4111|abcdef/);
    expect(lines()[0]!.tenantId).toBe("acme");
    expect(lines()[1]).toMatchObject({ part: "cart", level: "warn" });
    expect(lines()[2]!.stack).toMatch(/create-pino\.test\.ts[\s\S]*Caused by/);
  });

  test("samples whole requests, never errors, and counts what it leaves out", async () => {
    const { sw, logger, lines } = logging({ level: "debug", sample: { debug: 0.5 }, maxLinesPerSecond: 0 });
    for (let i = 0; i < 200; i += 1)
      sw.context.run({ requestId: `r${i}` }, () => {
        logger.debug("a");
        logger.debug("b");
        logger.error("c");
      });
    const count = (message: string) => lines().filter((line) => line.message === message).length;
    expect(count("c")).toBe(200);
    expect(count("a")).toBe(count("b"));
    expect(count("a")).toBeGreaterThan(60);
    expect(count("a")).toBeLessThan(140);
    expect(lines().find(({ message }) => message === "a")!.sampledOneIn).toBe(2);
    const left = await metricOf(sw, 'storewatch_sdk_log_lines_dropped_total{reason="sampled"}');
    expect(left).toBe(400 - 2 * count("a"));
  });

  test("says what a flood lost", async () => {
    const { sw, logger, lines } = logging({ maxLinesPerSecond: 10 });
    for (let i = 0; i < 100; i += 1) logger.info("flood");
    await sw.shutdown();
    expect(lines()).toHaveLength(11);
    expect(lines().at(-1)).toMatchObject({ level: "warn", message: "90 log lines left out", linesLeftOut: 90 });
  });

  test("takes whatever it is given, and no line is over 64 kB", () => {
    const { logger, texts, lines } = logging();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const call = logger as unknown as Record<string, (...given: unknown[]) => void>;
    const odd = [
      circular,
      proxy,
      10n,
      Symbol("s"),
      null,
      undefined,
      () => 1,
      {
        toJSON: () => {
          throw new Error("x");
        },
      },
    ];
    for (const value of odd) {
      expect(() => {
        call.info!(value);
        call.info!({ value }, "in a field");
        call.info!("as %s and %j", value, value);
      }).not.toThrow();
    }
    logger.info({ a: "\u0001".repeat(1_000_000), b: Array(100).fill("🛒".repeat(10_000)) }, "y".repeat(10_000_000));
    expect(Buffer.byteLength(texts.at(-1)!)).toBeLessThanOrEqual(64 * 1024);
    expect(lines().at(-1)!.truncated).toBe(true);
  });

  test("gets the SDK's own warnings", () => {
    const { sw, lines } = logging();
    sw.guard.failed("business", new Error("no number"));
    expect(lines()[0]).toMatchObject({
      level: "warn",
      part: "business",
      message: expect.stringContaining("monitoring"),
    });
  });
});
