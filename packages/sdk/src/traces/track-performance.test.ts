import { describe, expect, test } from "vitest";
import { type StorewatchOptions, storewatch, Tracked, trackPerformance } from "../index.ts";

/** A service on a clock that stands still until it is moved. */
function service(options: Partial<StorewatchOptions> = {}) {
  let nowMs = 0;
  const warnings: [string, unknown][] = [];
  const sw = storewatch({
    service: "shop",
    metrics: { defaults: false },
    clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
    logger: { warn: (message, fields) => warnings.push([message, fields]) },
    ...options,
  });
  const page = () => sw.metrics.registry.metrics();
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { sw, warnings, page, pass };
}

describe("trackPerformance", () => {
  test("hands on results and failures, sync and async, and measures each once", async () => {
    const { sw, page, pass } = service();
    const track = sw.performance.trackPerformance.bind(sw.performance);
    expect(track("sync", () => 7)).toBe(7);
    const mine = Promise.resolve(8);
    expect(track("async", () => mine)).toBe(mine);
    expect(() =>
      track("sync", () => {
        throw new Error("no");
      }),
    ).toThrow("no");
    await expect(
      track("async", async () => {
        pass(250);
        throw new Error("late");
      }),
    ).rejects.toThrow("late");
    await new Promise(setImmediate);
    const text = await page();
    expect(text).toContain('operation_duration_seconds_count{operation="sync",outcome="ok",tenant_id="unknown"} 1');
    expect(text).toContain('operation_duration_seconds_count{operation="sync",outcome="error",tenant_id="unknown"} 1');
    expect(text).toContain(
      'operation_duration_seconds_sum{operation="async",outcome="error",tenant_id="unknown"} 0.25',
    );
  });

  test("a query builder, which runs whenever it is asked, is asked once", async () => {
    const { sw } = service();
    let runs = 0;
    const builder = {
      // biome-ignore lint/suspicious/noThenProperty: this is what query builders are
      then(done: (rows: number[]) => unknown) {
        runs += 1;
        return Promise.resolve([1]).then(done);
      },
    };
    const rows = await sw.performance.trackPerformance("query", () => builder as unknown as Promise<number[]>);
    expect(rows).toEqual([1]);
    expect(runs).toBe(1);
  });

  test("slow operations are said and leave a breadcrumb; quick ones do not", () => {
    const { sw, warnings, pass } = service({ slow: { operationMs: 500 } });
    const crumbs: unknown[] = [];
    sw.hooks.on("breadcrumb", (crumb) => crumbs.push(crumb));
    sw.performance.trackPerformance("quick", () => pass(499));
    sw.performance.trackPerformance("slow", () => pass(500));
    expect(warnings).toMatchObject([["Slow operation", { operation: "slow", duration: 500, threshold: 500 }]]);
    expect(crumbs).toMatchObject([{ message: "Slow operation", category: "performance", level: "warning" }]);
  });

  test("the document's free function and the decorators report to the service", async () => {
    const { sw, page } = service();
    expect(trackPerformance("free", () => 1)).toBe(1);
    class Checkout {
      readonly fee = 3;
      pay(amount: number) {
        return amount + this.fee;
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Checkout.prototype, "pay")!;
    Object.defineProperty(Checkout.prototype, "pay", Tracked()(Checkout.prototype, "pay", descriptor));
    expect(new Checkout().pay(4)).toBe(7);
    const method = function (this: { fee: number }, amount: number) {
      return amount * this.fee;
    };
    const standard = Tracked("refund")(method as never, { kind: "method", name: "refund" } as never) as typeof method;
    expect(standard.call({ fee: 2 }, 4)).toBe(8);
    const text = await page();
    for (const name of ["free", "Checkout.pay", "refund"])
      expect(text).toContain(`_count{operation="${name}",outcome="ok"`);
    expect(sw.hooks.has("requestFailed")).toBe(false);
  });

  test("a tracer that fails harms nobody, and the work is done once", () => {
    const { sw } = service();
    let runs = 0;
    const work = () => {
      runs += 1;
      return runs;
    };
    const noTrace = { activeTraceId: () => undefined };
    sw.useTracer({
      ...noTrace,
      span: () => {
        throw new Error("before");
      },
    });
    expect(sw.performance.trackPerformance("a", work)).toBe(1);
    sw.useTracer({
      ...noTrace,
      span: (_name, inner) => {
        inner();
        throw new Error("after");
      },
    });
    expect(sw.performance.trackPerformance("a", work)).toBe(2);
    sw.useTracer({ ...noTrace, span: (_name, inner) => inner() });
    expect(() =>
      sw.performance.trackPerformance("a", () => {
        throw new Error("own");
      }),
    ).toThrow("own");
    expect(runs).toBe(2);
    expect(sw.guard.failures().get("hooks")).toBe(2);
  });
});

describe("trace ids", () => {
  test("come from the tracer when there is one, else as before", () => {
    const { sw } = service();
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    sw.useTracer({ activeTraceId: (inRequest) => (inRequest ? undefined : traceId), span: (_name, work) => work() });
    expect(sw.context.run({}, () => sw.context.current()?.traceId)).toBe(traceId);
    sw.useTracer({
      activeTraceId: () => {
        throw new Error("no");
      },
      span: (_name, work) => work(),
    });
    expect(sw.context.run({}, () => sw.context.current()?.traceId)).toMatch(/^[0-9a-f]{32}$/);
    sw.useTracer(undefined);
    expect(sw.context.run({}, () => sw.context.current()?.traceId)).not.toBe(traceId);
  });
});
