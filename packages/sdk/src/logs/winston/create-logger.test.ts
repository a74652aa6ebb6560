import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Storewatch } from "../../index.ts";
import { KeptLines, metricOf, testService } from "../testing.ts";
import { createLogger, type LoggerOptions } from "./index.ts";

function logging(options: LoggerOptions = {}, sw: Storewatch = testService()) {
  const kept = new KeptLines();
  const logger = createLogger(sw, { console: false, transports: [kept], ...options });
  return { sw, logger, kept };
}

describe("a line", () => {
  test("has time, level, message, service, version, environment, and the fields it was given", () => {
    const wallMs = Date.UTC(2026, 10, 22, 10, 11, 12, 131);
    const sw = testService({ clock: { wallMs: () => wallMs, monotonicMs: () => 5 } });
    const { logger, kept } = logging({}, sw);
    logger.info("order placed", { orderId: 42, lines: [{ sku: "A" }] });
    expect(kept.last).toEqual({
      timestamp: "2026-11-22T10:11:12.131Z",
      level: "info",
      message: "order placed",
      service: "checkout",
      version: "1.2.3",
      environment: "production",
      orderId: 42,
      lines: [{ sku: "A" }],
    });
  });

  test("carries tenant, user, request and trace of the work that runs, across awaits and side by side", async () => {
    const { sw, logger, kept } = logging();
    const work = (tenantId: string) =>
      sw.context.run({ tenantId, userId: `u-${tenantId}`, requestId: `r-${tenantId}` }, async () => {
        await sleep(1);
        logger.info("one");
        await Promise.resolve();
        logger.warn("two");
      });
    await Promise.all([work("acme"), work("globex")]);
    logger.info("outside");
    for (const tenant of ["acme", "globex"]) {
      const own = kept.lines.filter(({ tenantId }) => tenantId === tenant);
      expect(own.map(({ message, userId, requestId }) => [message, userId, requestId])).toEqual([
        ["one", `u-${tenant}`, `r-${tenant}`],
        ["two", `u-${tenant}`, `r-${tenant}`],
      ]);
      expect(own[0]!.traceId).toMatch(/^[0-9a-f]{32}$/);
    }
    expect(kept.last).not.toHaveProperty("tenantId");
    expect(kept.last).not.toHaveProperty("requestId");
  });

  test("takes fields given explicitly over the context's, but no tenant that cannot be one", () => {
    const { sw, logger, kept } = logging();
    sw.context.run({ tenantId: "acme", userId: "ann" }, () => {
      logger.info("for another", { tenantId: "globex", userId: "bob" });
      expect(kept.last).toMatchObject({ tenantId: "globex", userId: "bob" });
      logger.info("made up", { tenantId: "../../etc" });
    });
    expect(kept.last.tenantId ?? "acme").toBe("acme");
  });

  test("does not let its fields change time, level or message", () => {
    const { logger, kept } = logging();
    logger.info("real", { level: "error", timestamp: "never", service: "own" });
    expect(kept.last).toMatchObject({ level: "info", message: "real", service: "own" });
    expect(kept.last.timestamp).not.toBe("never");
  });

  test("of a field called exception is written like any other", () => {
    const { logger, kept } = logging();
    logger.info("an exception to the rule", { exception: true });
    expect(kept.lines.map(({ message }) => message)).toEqual(["an exception to the rule"]);
  });

  test("fills in %s and %d, and takes a lone percent sign as it is", () => {
    const { logger, kept } = logging();
    logger.info("took %d ms for %s", 12, "acme", { more: true });
    expect(kept.last).toMatchObject({ message: "took 12 ms for acme", more: true });
    logger.info("100% done", { a: 1 });
    expect(kept.last).toMatchObject({ message: "100% done", a: 1 });
  });
});

describe("errors keep their stacks", () => {
  const cause = new Error("socket closed");
  const error = new Error("payment failed", { cause });

  test.each([
    ["as the message", (logger: { error: (...given: unknown[]) => unknown }) => logger.error(error)],
    ["beside a message", (logger: { error: (...given: unknown[]) => unknown }) => logger.error("oh no", error)],
  ])("%s, with their causes", (_name, write) => {
    const { logger, kept } = logging();
    write(logger as never);
    const { stack, error: field } = kept.last as { stack: string; error: { cause: { message: string } } };
    expect(stack).toContain("create-logger.test.ts");
    expect(stack).toMatch(/payment failed[\s\S]*Caused by: [\s\S]*socket closed/);
    expect(field).toMatchObject({ name: "Error", message: "payment failed", cause: { message: "socket closed" } });
    expect(kept.last.message).toContain(_name === "as the message" ? "payment failed" : "oh no");
  });

  test("as a field, and several in one", () => {
    const { logger, kept } = logging();
    logger.error("oh no", { err: error, all: new AggregateError([cause, error], "both") });
    const { err, all } = kept.last as { err: { stack: string }; all: { errors: { message: string }[] } };
    expect(err.stack).toContain("create-logger.test.ts");
    expect(all.errors.map(({ message }) => message)).toEqual(["socket closed", "payment failed"]);
  });

  test("and are not changed, even when frozen", () => {
    const { logger, kept } = logging();
    const frozen = Object.freeze(new Error("frozen"));
    logger.error(frozen);
    logger.error({ message: "plain", code: 7 } as never);
    expect(kept.lines.map(({ message }) => message)).toEqual(["frozen", "plain"]);
    expect(Object.keys(frozen)).toEqual([]);
  });
});

describe("redaction", () => {
  test("is on by itself: names, cards, mail, tokens; in messages, fields, errors and children", () => {
    const { logger, kept } = logging();
    logger.info("card 4111 1111 1111 1111 of ann@shop.example", { password: "hunter2", deep: [{ cookie: "sid=1" }] });
    logger.child({ apiKey: "k-123456", part: "cart" }).warn("Authorization: Bearer abcdef123456");
    logger.error(new Error("login of bob@shop.example failed"));
    logger.log({ level: "info", message: "entry eve@shop.example", secret: "s3cr3t" });
    const text = kept.texts.join("\n");
    for (const secret of ["4111", "ann@", "hunter2", "sid=1", "k-123456", "abcdef123456", "bob@", "eve@", "s3cr3t"])
      expect(text).not.toContain(secret);
    expect(kept.lines[1]).toMatchObject({ part: "cart", level: "warn" });
    expect(kept.lines).toHaveLength(4);
  });

  test("holds for what goes to the stream itself, as morgan and profile do", () => {
    const { logger, kept } = logging();
    logger.write({ level: "info", message: "from a stream, ann@shop.example", token: "abc" });
    logger.profile("work");
    logger.profile("work", { level: "info", password: "hunter2" } as never);
    expect(kept.texts.join("\n")).not.toMatch(/ann@|"abc"|hunter2/);
    expect(kept.lines.map(({ message }) => String(message).slice(0, 4))).toEqual(["from", "work"]);
    expect(kept.lines[0]).toMatchObject({ service: "checkout" });
  });

  test("can be changed and turned off", () => {
    const { logger, kept } = logging({ redact: false });
    logger.info("ann@shop.example", { password: "x" });
    expect(kept.last).toMatchObject({ message: "ann@shop.example", password: "x" });
    const own = logging({ redact: { names: { add: ["loyaltyNumber"] } } });
    own.logger.info("x", { loyaltyNumber: "L1" });
    expect(own.kept.texts[0]).not.toContain("L1");
  });
});

describe("whatever is logged", () => {
  const circular: Record<string, unknown> = { name: "loop" };
  circular.self = circular;
  const thrower = {
    get bad(): string {
      throw new Error("getter");
    },
    good: 1,
  };
  const proxy = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error("ownKeys");
      },
      get() {
        throw new Error("get");
      },
      getPrototypeOf() {
        throw new Error("getPrototypeOf");
      },
    },
  );
  const hostile: [string, unknown][] = [
    ["a circle", circular],
    ["a getter that throws", thrower],
    ["a proxy that throws", proxy],
    ["a big integer", { id: 10n ** 30n }],
    ["a symbol", { kind: Symbol("odd") }],
    [
      "toJSON that throws",
      {
        toJSON: () => {
          throw new Error("toJSON");
        },
      },
    ],
    ["no prototype", Object.assign(Object.create(null) as object, { a: 1 })],
    [
      "a revoked proxy",
      (() => {
        const { proxy: gone, revoke } = Proxy.revocable({}, {});
        revoke();
        return gone;
      })(),
    ],
    ["undefined", undefined],
    ["null", null],
    ["a function", () => 1],
    [
      "an error with a hostile message",
      Object.defineProperty(new Error("x"), "message", {
        get() {
          throw new Error("m");
        },
      }),
    ],
  ];

  test.each(hostile)("%s harms nobody, as message, field or only argument", (_name, value) => {
    const { sw, logger, kept } = logging();
    const call = logger as unknown as Record<string, (...given: unknown[]) => unknown>;
    expect(() => {
      call.info!("with it", value);
      call.info!("within", { value });
      call.error!(value);
      call.log!("info", value);
      call.info!("two", { a: 1 }, value);
    }).not.toThrow();
    logger.info("after");
    expect(kept.last.message).toBe("after");
    expect(kept.lines.length).toBeGreaterThanOrEqual(4);
    void sw;
  });

  test.each([
    ["letters", "x".repeat(10_000_000)],
    ["signs that JSON writes with six", "\u0001".repeat(1_000_000)],
    ["signs of four bytes", "🛒".repeat(1_000_000)],
  ])("a huge text of %s takes 64 kB and says that it was cut", (_name, text) => {
    const { logger, kept } = logging();
    logger.info(text, { orderId: 7, note: text, many: Array.from({ length: 100 }, () => text.slice(0, 16_000)) });
    expect(Buffer.byteLength(kept.texts[0]!)).toBeLessThanOrEqual(64 * 1024);
    expect(kept.last).toMatchObject({ truncated: true, orderId: 7, level: "info", service: "checkout" });
  });
});

describe("what is left out", () => {
  test("is counted; errors never are left out, and kept lines say for how many they stand", async () => {
    const { sw, logger, kept } = logging({ level: "debug", sample: { debug: 0.25 } });
    for (let i = 0; i < 400; i += 1) sw.context.run({ requestId: `r${i}` }, () => logger.debug("verbose"));
    for (let i = 0; i < 400; i += 1) sw.context.run({ requestId: `r${i}` }, () => logger.error("bad"));
    const debug = kept.lines.filter(({ level }) => level === "debug");
    expect(kept.lines.filter(({ level }) => level === "error")).toHaveLength(400);
    expect(debug[0]).toMatchObject({ sampledOneIn: 4 });
    expect(await metricOf(sw, 'storewatch_sdk_log_lines_total{level="debug"}')).toBe(debug.length);
    expect(await metricOf(sw, 'storewatch_sdk_log_lines_dropped_total{reason="sampled"}')).toBe(400 - debug.length);
  });

  test("a flood ends in one line that says how many are missing, also when nothing follows", async () => {
    const { sw, logger, kept } = logging({ maxLinesPerSecond: 50 });
    sw.context.run({ tenantId: "noisy" }, () => {
      for (let i = 0; i < 500; i += 1) logger.info("flood");
    });
    await sw.shutdown();
    expect(kept.lines.filter(({ message }) => message === "flood")).toHaveLength(50);
    expect(kept.last).toMatchObject({ level: "warn", tenantId: "noisy", linesLeftOut: 450 });
    expect(kept.last.message).toContain("450");
    expect(await metricOf(sw, 'storewatch_sdk_log_lines_dropped_total{reason="flood"}')).toBe(450);
  });

  test("levels below the logger's cost nothing and are no lines", async () => {
    const { sw, logger, kept } = logging();
    logger.debug("unseen");
    expect(kept.texts).toEqual([]);
    logger.level = "debug";
    logger.debug("seen");
    expect(kept.texts).toHaveLength(1);
    expect(await metricOf(sw, 'storewatch_sdk_log_lines_total{level="debug"}')).toBe(1);
  });
});

describe("the logger", () => {
  test("has children whose fields go on each line; a child's tenant is checked too", () => {
    const { sw, logger, kept } = logging();
    sw.context.run({ tenantId: "acme" }, () => {
      logger.child({ job: "import" }).child({ step: 2 }).info("deep");
      expect(kept.last).toMatchObject({ job: "import", step: 2, tenantId: "acme", service: "checkout" });
      logger.child({ tenantId: "globex" }).info("for another");
      expect(kept.last.tenantId).toBe("globex");
      logger.child({ tenantId: "no/tenant" }).info("made up");
      expect(kept.last.tenantId ?? "acme").toBe("acme");
    });
  });

  test("gets the SDK's own warnings", () => {
    const { sw, kept } = logging();
    sw.guard.failed("business", new Error("a rate is no number"));
    expect(kept.last).toMatchObject({ level: "warn", part: "business" });
  });

  test("goes on when a transport fails or never answers", async () => {
    const broken = new KeptLines();
    broken.log = () => {
      throw new Error("broken transport");
    };
    const stuck = new KeptLines();
    stuck.log = () => undefined;
    const { sw, logger } = logging({ transports: [stuck, broken], maxLinesPerSecond: 0 });
    for (let i = 0; i < 20_000; i += 1) logger.info("x");
    expect(logger.writableLength).toBeLessThanOrEqual(10_000);
    expect(await metricOf(sw, 'storewatch_sdk_log_lines_dropped_total{reason="slow_output"}')).toBeGreaterThan(9000);
  });

  test("refuses options that cannot be meant, at the start", () => {
    expect(() => logging({ sample: { error: 0.1 } })).toThrow("sample.error");
  });
});
