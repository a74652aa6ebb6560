import { ALL_TENANTS, parseTenantId, type Sample, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DogStatsdAggregate } from "./aggregate.ts";
import { DogStatsdError, type MetricLine, parseLine } from "./parse.ts";

describe("lines", () => {
  test("a metric with everything that a client may add", () => {
    expect(parseLine("orders.paid:1:2.5|c|@0.5|#tenant_id:acme,express|T1700000000|c:abc|e:x|card:low")).toEqual({
      kind: "metric",
      name: "orders.paid",
      type: "c",
      values: ["1", "2.5"],
      rate: 0.5,
      tags: ["tenant_id:acme", "express"],
      timeMs: 1_700_000_000_000,
    });
  });

  test("Telegraf's tags in the name, and values of sets that are no numbers", () => {
    expect(parseLine("users,tenant_id=acme:alice|s")).toMatchObject({
      name: "users",
      values: ["alice"],
      tags: ["tenant_id:acme"],
    });
  });

  test("an event's lengths count bytes, so a title may hold bars", () => {
    expect(() => parseLine("_e{5,6}:a|b é|te\\nxt|t:error")).toThrow(DogStatsdError);
    expect(parseLine("_e{6,6}:a|b é|te\\nxt|t:error|#tenant_id:acme|d:12|h:web")).toEqual({
      kind: "event",
      title: "a|b é",
      text: "te\nxt",
      timeMs: 12_000,
      alertType: "error",
      host: "web",
      tags: ["tenant_id:acme"],
    });
  });

  test("a service check", () => {
    expect(parseLine("_sc|db.up|2|h:web|#tenant_id:acme|m:gone")).toMatchObject({
      kind: "check",
      name: "db.up",
      status: 2,
      host: "web",
    });
  });

  test.each([
    "x",
    "x:1",
    ":1|c",
    "x:one|c",
    "x:1|q",
    "x:1|c|@0",
    "x:1|c|@2",
    "_e{9,9}:a|b",
    "_sc|x|4",
    "_sc||1",
    "x:0x10|g",
    "x: 1|g",
  ])("refused: %s", (line) => expect(() => parseLine(line)).toThrow(DogStatsdError));

  test("any text is a line or refused with a reason (fuzz)", () => {
    const part = fc.constantFrom("_e{", "_sc|", "1,1}:", "a", ":", "|", "c", "g", "#t:v", "@0.1", "\n", "9", "é", "T1");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part).map((parts) => parts.join("")),
        ),
        (line) => {
          try {
            parseLine(line);
          } catch (error) {
            expect(error).toBeInstanceOf(DogStatsdError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("a flush", () => {
  const clock = () => new FakeClock(1_000_000);
  const feed = (aggregate: DogStatsdAggregate, ...lines: string[]) =>
    lines.map((line) => aggregate.metric(parseLine(line) as MetricLine));
  const shown = (samples: readonly Sample[]) =>
    samples.map((s) => `${s.labels} ${s.stale ? "stale" : s.value} @${s.timeMs}`);

  test("counts add up by their rate, led by a zero, and go on over flushes", async () => {
    const time = clock();
    const aggregate = new DogStatsdAggregate(time, ALL_TENANTS);
    feed(aggregate, "orders.paid:1|c|#t:a", "orders.paid:2|c|@0.5|#t:a", "orders.paid:-9|c|#t:a");
    await time.advance(5000);
    expect(shown(aggregate.flush().samples)).toEqual([
      'orders_paid{t="a"} 0 @1000000',
      'orders_paid{t="a"} 5 @1005000',
    ]);
    feed(aggregate, "orders.paid:1|c|#t:a");
    await time.advance(5000);
    expect(shown(aggregate.flush().samples)).toEqual(['orders_paid{t="a"} 6 @1010000']);
    await time.advance(60_000);
    expect(shown(aggregate.flush().samples)).toEqual(['orders_paid{t="a"} 6 @1070000']);
  });

  test("gauges take changes by sign, repeat, and end after five quiet minutes", async () => {
    const time = clock();
    const aggregate = new DogStatsdAggregate(time, ALL_TENANTS);
    feed(aggregate, "stock:10|g", "stock:-3|g", "stock:+1|g");
    expect(shown(aggregate.flush().samples)).toEqual(["stock 8 @1000000"]);
    expect(aggregate.flush().samples).toEqual([]);
    await time.advance(61_000);
    expect(shown(aggregate.flush().samples)).toEqual(["stock 8 @1061000"]);
    await time.advance(240_000);
    expect(shown(aggregate.flush().samples)).toEqual(["stock stale @1301000"]);
    await time.advance(240_000);
    expect(aggregate.flush().samples).toEqual([]);
  });

  test("timers are seconds in buckets, sets count their members", async () => {
    const time = clock();
    const aggregate = new DogStatsdAggregate(time, ALL_TENANTS);
    feed(aggregate, "t:30:300|ms|@0.5", "users:a:b|s", "users:a|s");
    await time.advance(1000);
    const { samples, metadata } = aggregate.flush();
    const at = (text: string) => samples.find((s) => `${s.labels}` === text && s.timeMs === 1_001_000)?.value;
    expect(at('t_bucket{le="0.025"}')).toBe(0);
    expect(at('t_bucket{le="0.05"}')).toBe(2);
    expect(at('t_bucket{le="+Inf"}')).toBe(4);
    expect(at("t_count")).toBe(4);
    expect(at("t_sum")).toBeCloseTo(0.66);
    expect(at("users")).toBe(2);
    expect(metadata.get("t")?.type).toBe("histogram");
  });

  test("a line for another shop adds to nobody's total", async () => {
    const aggregate = new DogStatsdAggregate(clock(), tenantScope([parseTenantId("acme")!]));
    expect(feed(aggregate, "x:1|c", "x:1|c|#tenant_id:acme", "x:1|c|#tenant_id:rival")).toEqual([
      undefined,
      undefined,
      "out-of-scope",
    ]);
    expect(shown(aggregate.flush().samples)).toEqual(['x{tenant_id="acme"} 2 @1000000']);
  });
});
