// Monitoring is never in the way: whatever is thrown at it, the request goes on, and memory stays bounded.
import { createServer, get, IncomingMessage, type Server } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { Gauge, Registry } from "prom-client";
import { afterEach, describe, expect, test } from "vitest";
import { cached, currentContext, type StorewatchOptions, storewatch } from "./index.ts";
import { expositionOf } from "./metrics/exposition.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

function quiet(options: Partial<StorewatchOptions> = {}) {
  return storewatch({ service: "shop", metrics: { defaults: false }, ...options });
}

/** A plain server behind the SDK; answers "ok". */
async function serve(options: Partial<StorewatchOptions>, work: () => unknown = () => undefined) {
  const sw = quiet(options);
  const server = createServer((request, response) => {
    sw.requests.handle(
      request,
      response,
      () => "/plain",
      () => {
        work();
        setImmediate(() => response.end("ok"));
      },
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { sw, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function errors(text: string, part: string): number {
  return Number(new RegExp(String.raw`storewatch_sdk_errors_total\{part="${part}"\} (\d+)`).exec(text)?.[1] ?? 0);
}

describe("an error is told once for each request or job", () => {
  const heard = () => {
    const sw = quiet();
    const tenants: unknown[] = [];
    sw.hooks.on("requestFailed", ({ context }) => tenants.push(context?.tenantId));
    return { sw, tenants };
  };
  const request = () => new IncomingMessage(new Socket());

  test("also when jobs that share an error object tell of it by turns", () => {
    const { sw, tenants } = heard();
    const shared = new Error("the pool is closed");
    const tell = () => sw.requestFailed(shared, undefined);
    sw.context.run({ tenantId: "acme" }, () => {
      tell();
      sw.context.run({ tenantId: "globex" }, tell);
      tell();
    });
    expect(tenants).toEqual(["acme", "globex"]);
  });

  test("also when one of those who tell has lost the context, or does not know the request", () => {
    const { sw, tenants } = heard();
    const [error, first, second] = [new Error("broken"), request(), request()];
    sw.context.run({ tenantId: "acme" }, () => sw.requestFailed(error, first));
    sw.requestFailed(error, first);
    expect(tenants).toEqual(["acme"]);
    sw.context.run({ tenantId: "acme" }, () => {
      sw.requestFailed(error, undefined);
      sw.requestFailed(error, second);
    });
    expect(tenants).toEqual(["acme", "acme"]);
  });
});

describe("a request goes on", () => {
  test("when tenant sources, user functions, hooks and the logger throw", async () => {
    const broken = () => {
      throw new Error("broken");
    };
    const { sw, url } = await serve(
      {
        tenant: { from: [broken, () => Promise.reject(new Error("late")), { header: "x-shop" }], known: broken },
        user: broken,
        logger: { warn: broken },
      },
      () => void currentContext()?.userId,
    );
    sw.hooks.on("requestStarted", broken);
    sw.hooks.on("requestDone", broken);
    const response = await fetch(url, { headers: { "x-shop": "acme" } });
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
    const text = await sw.metrics.text();
    expect(text).toContain('route="/plain",status_code="200",tenant_id="unknown"} 1');
    expect(errors(text, "tenant")).toBeGreaterThanOrEqual(3);
    expect(errors(text, "hooks")).toBe(2);
  });

  test("when the client goes away: it is told as 499 and nothing stays in flight", async () => {
    const { sw, url } = await serve({}, () => undefined);
    sw.hooks.on("requestStarted", ({ request }) => setImmediate(() => request.socket.destroy()));
    await new Promise<void>((resolve) => get(url, () => resolve()).on("error", () => resolve()));
    await expect.poll(() => sw.requests.inFlight).toBe(0);
    expect(await sw.metrics.text()).toMatch(/status_code="(499|200)"/);
  });

  test("at once, when a tenant source takes its time", async () => {
    const { url } = await serve({ tenant: { from: [() => new Promise<string>(() => undefined)] } });
    expect(await (await fetch(url)).text()).toBe("ok");
  });
});

describe("metrics that cannot be meant", () => {
  test("bad names, kinds, labels and values do nothing, and are counted", async () => {
    const said: string[] = [];
    const sw = quiet({ logger: { warn: (_message, meta) => said.push(String(meta?.error)) } });
    sw.metrics.counter({ name: "bad name!", help: "x" }).inc();
    sw.metrics.counter({ name: "no_help", help: "" }).inc();
    sw.metrics.gauge({ name: "orders_total", help: "taken" }).set({}, 1);
    sw.metrics.histogram({ name: "h_seconds", help: "x", labelNames: ["le"] }).observe({ le: "1" }, 1);
    const fine = sw.metrics.counter({ name: "fine_total", help: "x", labelNames: ["a"] });
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    fine.inc({ a: circular } as never);
    fine.inc({ a: "b", other: "left out" });
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, "3" as never]) fine.inc({ a: "b" }, value);
    fine.inc(null as never);
    const text = await sw.metrics.text();
    expect(text).toContain('fine_total{a="b"} 1\n');
    expect(text).toContain('fine_total{a=""} 1\n');
    expect(text).not.toContain("bad name");
    expect(errors(text, "metrics")).toBe(9);
    expect(said[0]).toMatch(/Invalid metric name/);
  });

  test("orders that are none", async () => {
    const sw = quiet();
    sw.business.trackOrderCreated(undefined as never);
    sw.business.trackOrderCreated({ tenantId: "acme\n{}", status: "paid", currency: "<b>", total: Number.NaN });
    sw.business.updateConversionRate("acme", Number.NaN);
    sw.performance.trackDatabaseQuery(Symbol("sql") as never, 9999);
    const text = await sw.metrics.text();
    expect(text).toContain('orders_total{tenant_id="unknown",status="paid"} 1');
    expect(text).not.toContain("NaN");
    expect(text).not.toContain("<b>");
  });

  test("a flood of labels ends in one roll-up series of the tenant; its neighbour keeps its own", async () => {
    const sw = quiet({ metrics: { defaults: false, limits: { perTenant: 100, tenants: 3 } } });
    const searches = sw.metrics.counter({ name: "searches_total", help: "x", labelNames: ["tenant_id", "term"] });
    for (let i = 0; i < 5000; i += 1) searches.inc({ tenant_id: "noisy", term: `t${i}` });
    searches.inc({ tenant_id: "calm", term: "shoes" });
    for (let i = 0; i < 50; i += 1) searches.inc({ tenant_id: `invented${i}`, term: "x" });
    const lines = (await sw.metrics.text()).split("\n").filter((line) => line.startsWith("searches_total{"));
    expect(lines.length).toBeLessThanOrEqual(100 + 1 + 1 + 2);
    expect(lines).toContain('searches_total{tenant_id="noisy",term="__other__"} 4900');
    expect(lines).toContain('searches_total{tenant_id="calm",term="shoes"} 1');
    expect(lines).toContain('searches_total{tenant_id="__other__",term="x"} 49');
    const sum = lines.reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
    expect(sum).toBe(5051);
  });

  test("one metric that hangs or throws does not blind the others", async () => {
    const registry = new Registry();
    const sw = quiet({ metrics: { registry, defaults: false } });
    const throws = () => {
      throw new Error("database is away");
    };
    new Gauge({ name: "throws", help: "x", registers: [registry], collect: throws });
    sw.metrics.observedGauge({ name: "observed", help: "x" }, () => Promise.reject(new Error("no")));
    const text = await sw.metrics.text();
    expect(text).toContain("# metric throws could not be read");
    expect(text).toContain("# metric observed could not be read");
    expect(text).toContain("service_build_info{");
  });
});

test("cached: one read at a time, the last value when reading fails, never a rejection", async () => {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs };
  const answers = [() => 1, () => Promise.reject(new Error("away")), () => 3];
  let reads = 0;
  const read = cached(() => answers[reads++]!(), 1000, { clock });
  expect(await Promise.all([read(), read()])).toEqual([1, 1]);
  nowMs = 999;
  expect(await read()).toBe(1);
  nowMs = 1000;
  expect(await read()).toBe(1);
  nowMs = 1999;
  expect([await read(), reads]).toEqual([1, 2]);
  nowMs = 2000;
  expect(await read()).toBe(3);
});

describe("prototype pollution", () => {
  test("label values, metric names, tenants and details named like an object's own parts are data, or nothing", async () => {
    const sw = quiet();
    const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
    const counter = sw.metrics.counter({ name: "odd_total", help: "x", labelNames: ["tenant_id", "kind"] });
    for (const name of names) {
      counter.inc({ tenant_id: name, kind: name });
      counter.inc(JSON.parse(`{"__proto__": {"kind": "polluted"}, "${name}": "polluted"}`) as never);
      sw.metrics.counter({ name, help: "x" }).inc();
      sw.metrics.counter({ name: `with_${name}_total`, help: "x", labelNames: [name] }).inc({ [name]: "a" });
      sw.business.trackOrderCreated({ tenantId: name, status: name, currency: name, total: 1 });
      sw.business.updateConversionRate(name, 3);
      sw.health.check(name, () => JSON.parse('{"details": {"__proto__": {"x": 1}, "constructor": 1}}'));
    }
    const report = await sw.health.report();
    const text = await sw.metrics.text();
    expect(({} as Record<string, unknown>).kind).toBeUndefined();
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(text).toContain('odd_total{tenant_id="constructor",kind="constructor"} 1\n');
    expect(text).not.toContain("polluted");
    expect(() => JSON.stringify(report)).not.toThrow();
    expect(report.checks.constructor).toMatchObject({ status: "healthy" });
  });
});

describe("floods", () => {
  test("100,000 label values, 10,000 tenants and 100,000 sessions: bounded series, nothing uncounted", async () => {
    const sw = quiet();
    const searches = sw.metrics.counter({ name: "searches_total", help: "x", labelNames: ["tenant_id", "term"] });
    const seconds = sw.metrics.histogram({ name: "render_seconds", help: "x", labelNames: ["tenant_id", "page"] });
    const heapBefore = process.memoryUsage().heapUsed;
    for (let i = 0; i < 100_000; i += 1) {
      searches.inc({ tenant_id: "noisy", term: `term ${i}` });
      seconds.observe({ tenant_id: "noisy", page: `/p/${i}` }, 0.1);
      sw.business.trackVisit({ tenantId: `shop${i % 10_000}`, sessionId: `visitor ${i}` });
    }
    const text = await sw.metrics.text();
    const lines = text.split("\n");
    const of = (name: string) => lines.filter((line) => line.startsWith(`${name}{`));
    const sum = (name: string) => of(name).reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
    expect(of("searches_total").length + of("render_seconds_bucket").length).toBeLessThanOrEqual(5100);
    expect(sum("searches_total")).toBe(100_000);
    expect(sum("render_seconds_count")).toBe(100_000);
    expect(sum("checkout_steps_total")).toBe(100_000);
    expect(new Set(of("checkout_steps_total")).size).toBeLessThanOrEqual(2001);
    // A session that is remembered takes about 200 bytes; the roof of all is 200,000. Rubbish is in this figure, too.
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(250_000_000);
  }, 60_000);

  test("a thousand checks: a hundred are taken, and asking for them all at once does not take longer than one's limit", async () => {
    const sw = quiet();
    for (let i = 0; i < 1000; i += 1)
      sw.health.check(`check ${i}`, () => new Promise(() => undefined), { timeoutMs: 50, critical: i === 0 });
    const startMs = performance.now();
    const report = await sw.health.report();
    expect(performance.now() - startMs).toBeLessThan(3000);
    expect(Object.keys(report.checks)).toHaveLength(100);
    expect(report.status).toBe("unhealthy");
    expect(errors(await sw.metrics.text(), "health")).toBe(900);
  });
});

test("a metric that never answers is left out after its limit, and the next scrape is as quick", async () => {
  const registry = new Registry();
  const sw = quiet({ metrics: { registry, defaults: false } });
  let reads = 0;
  sw.metrics.observedGauge({ name: "hangs", help: "x" }, () => {
    reads += 1;
    return new Promise(() => undefined);
  });
  for (let scrape = 1; scrape <= 2; scrape += 1) {
    const startMs = performance.now();
    const text = await expositionOf(registry, sw.guard, 30);
    expect(performance.now() - startMs).toBeLessThan(2000);
    expect(text).toContain("# metric hangs could not be read");
    expect(text).toContain("service_build_info{");
    expect(reads).toBe(scrape);
  }
});

describe("checks that give garbage", () => {
  test("are what they throw, or healthy: and the answer is JSON", async () => {
    const sw = quiet();
    const unprintable = {
      toString() {
        throw new Error("no");
      },
    };
    const getter = Object.defineProperty({}, "status", {
      get() {
        throw new Error("a getter that throws");
      },
    });
    const given: Record<string, () => unknown> = {
      bigint: () => 10n,
      symbol: () => Symbol("x"),
      function: () => () => undefined,
      buffer: () => Buffer.alloc(1_000_000),
      getter: () => getter,
      proxy: () => new Proxy({}, { get: () => 1n, ownKeys: () => ["a"] }),
      thrownSymbol: () => Promise.reject(Symbol("thrown")),
      thrownOdd: () => Promise.reject(unprintable),
      thrownLong: () => Promise.reject(new Error("x".repeat(1_000_000))),
      thenable: () => ({
        // biome-ignore lint/suspicious/noThenProperty: query builders give such objects.
        then: (_resolve: unknown, reject: (error: unknown) => void) => reject(new Error("thenable")),
      }),
    };
    for (const [name, run] of Object.entries(given)) sw.health.check(name, run);
    const answer = await sw.health.overview();
    const text = JSON.stringify(answer.body);
    expect(text.length).toBeLessThan(5000);
    const { checks } = await sw.health.report();
    const failed = Object.keys(checks).filter((name) => checks[name]?.status === "error");
    expect(failed.sort()).toEqual(["getter", "thenable", "thrownLong", "thrownOdd", "thrownSymbol"]);
  });
});
