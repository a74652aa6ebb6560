import { PassThrough, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { metricOf, testService } from "../testing.ts";
import { createLogger } from "./index.ts";

const read = (stream: PassThrough) => String(stream.read() ?? "");

describe("the console", () => {
  test("has JSON lines in production, from info on", () => {
    const stream = new PassThrough();
    const logger = createLogger(testService(), { stream });
    logger.debug("unseen");
    logger.info("seen", { a: 1 });
    const text = read(stream);
    expect(text.endsWith("}\n")).toBe(true);
    expect(JSON.parse(text)).toMatchObject({ level: "info", message: "seen", a: 1, service: "checkout" });
  });

  test("has coloured text in development, from debug on, with the stack of an error below", () => {
    const stream = new PassThrough();
    const clock = { wallMs: () => Date.UTC(2026, 10, 22, 10, 11, 12, 131), monotonicMs: () => 1 };
    const logger = createLogger(testService({ environment: "development", clock }), { stream });
    logger.debug("seen", { a: 1, password: "hunter2" });
    logger.error("bad", new Error("reason"));
    const [first, second, third] = read(stream).split("\n");
    expect(first).toBe('10:11:12.131 \u001b[34mdebug\u001b[39m seen {"a":1,"password":"[redacted]"}');
    expect(second).toContain("\u001b[31merror\u001b[39m bad");
    expect(third).toBe("Error: reason");
  });

  test("that nobody reads neither holds the shop up nor fills its memory; verbose lines go first", async () => {
    const taken: string[] = [];
    // Takes the first line and never says that it is done with it.
    const stream = new Writable({ write: (chunk) => void taken.push(String(chunk)) });
    const sw = testService();
    const logger = createLogger(sw, { stream, maxLinesPerSecond: 0 });
    const filler = "x".repeat(10_000);
    for (let i = 0; i < 3000; i += 1) logger.info("verbose", { filler });
    const verbose = await metricOf(sw, 'storewatch_sdk_log_lines_dropped_total{reason="slow_output"}');
    expect(verbose).toBeGreaterThan(1500);
    expect(stream.writableLength).toBeLessThan(9 * 1024 * 1024);
    for (let i = 0; i < 5000; i += 1) logger.error("important", { filler });
    expect(await metricOf(sw, 'storewatch_sdk_log_lines_total{level="error"}')).toBeGreaterThan(1500);
    expect(stream.writableLength).toBeLessThan(33 * 1024 * 1024);
  });

  test("that goes away ends nothing", async () => {
    const stream = new PassThrough();
    const logger = createLogger(testService(), { stream });
    stream.destroy(new Error("EPIPE"));
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 100; i += 1) logger.info("into the void");
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.destroyed).toBe(true);
  });

  test("one stream of many loggers has one listener", () => {
    const stream = new PassThrough();
    for (let i = 0; i < 30; i += 1) createLogger(testService(), { stream });
    expect(stream.listenerCount("error")).toBeLessThan(5);
  });
});
