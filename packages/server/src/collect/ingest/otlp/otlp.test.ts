import { ALL_TENANTS, parseTenantId, type Sample, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProtobufError } from "../../protobuf/reader.ts";
import { ProtoWriter } from "../../protobuf/writer.ts";
import { RunningTotals } from "../counters.ts";
import { DeltaState } from "./deltas.ts";
import { otlpLabelName, otlpMetricName } from "./names.ts";
import { OtlpJsonError, readJson } from "./read-json.ts";
import { readProtobuf } from "./read-protobuf.ts";
import { DEFAULT_OTLP_SETTINGS, type OtlpSettings } from "./settings.ts";
import { OtlpTranslation } from "./translate.ts";

const NANO = "000000";
const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
const shown = (samples: readonly Sample[]) =>
  samples.map(
    (s) => `${s.labels} ${s.stale ? "stale" : s.histogram ? JSON.stringify(s.histogram) : s.value} @${s.timeMs}`,
  );

function setUp(settings: Partial<OtlpSettings> = {}, scope = ALL_TENANTS) {
  const deltas = new DeltaState(new RunningTotals({ clock: new FakeClock(0) }));
  return (metrics: readonly object[], resource: readonly object[] = []) => {
    const translation = new OtlpTranslation(scope, { ...DEFAULT_OTLP_SETTINGS, ...settings }, deltas, 9000);
    const body = { resourceMetrics: [{ resource: { attributes: resource }, scopeMetrics: [{ metrics }] }] };
    translation.take(readJson(JSON.parse(JSON.stringify(body))));
    return translation;
  };
}

describe("names", () => {
  const f = (
    name: string,
    unit: string,
    kind: "counter" | "gauge" | "other",
    strategy = DEFAULT_OTLP_SETTINGS.strategy,
  ) => otlpMetricName(name, unit, kind, strategy);
  test.each([
    ["http.server.duration", "ms", "other", "http_server_duration_milliseconds"],
    ["system.io", "By/s", "gauge", "system_io_bytes_per_second"],
    ["requests", "{request}", "counter", "requests_total"],
    ["a.total.b", "s", "counter", "a_total_b_seconds_total"],
    ["orders_total", "", "counter", "orders_total"],
    ["cpu.utilization", "1", "gauge", "cpu_utilization_ratio"],
    ["disk.bytes", "By", "gauge", "disk_bytes"],
    ["4xx", "", "gauge", "_4xx"],
    ["a  b..c", "", "gauge", "a_b_c"],
  ] as const)("%s [%s] %s → %s", (name, unit, kind, expected) => expect(f(name, unit, kind)).toBe(expected));
  test("other strategies", () => {
    expect(f("a.b", "s", "counter", "UnderscoreEscapingWithoutSuffixes")).toBe("a_b");
    expect(f("a.b", "s", "counter", "NoUTF8EscapingWithSuffixes")).toBe("a.b_seconds_total");
    expect(f("a.b", "s", "counter", "NoTranslation")).toBe("a.b");
    expect(otlpLabelName("tenant.id", "NoTranslation")).toBe("tenant.id");
  });
  test("labels", () => {
    const names = ["http.method", "9lives", "_x", "__x"].map((name) =>
      otlpLabelName(name, "UnderscoreEscapingWithSuffixes"),
    );
    expect(names).toEqual(["http_method", "key_9lives", "key_x", "__x"]);
  });
});

describe("translation", () => {
  const point = (asDouble: number, timeMs: number, more: object = {}) => ({
    asDouble,
    timeUnixNano: `${timeMs}${NANO}`,
    ...more,
  });

  test("gauges and cumulative sums, with job, instance, shop and target_info", () => {
    const take = setUp();
    const resource = [
      attribute("service.name", "api"),
      attribute("service.namespace", "shop"),
      attribute("service.instance.id", "pod-1"),
      attribute("tenant.id", "acme"),
      attribute("host.name", "h"),
    ];
    const sum = {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: [point(3, 5000, { attributes: [attribute("a.b", "c")] })],
    };
    const { samples, metadata } = take([{ name: "orders", unit: "1", sum }], resource);
    expect(shown(samples)).toEqual([
      'orders_total{a_b="c", instance="pod-1", job="shop/api", tenant_id="acme"} 3 @5000',
      'target_info{host_name="h", instance="pod-1", job="shop/api", tenant_id="acme"} 1 @5000',
    ]);
    expect(metadata.get("orders_total")).toEqual({ type: "counter", help: "", unit: "1" });
  });

  test("deltas add up, led by a zero at their start", () => {
    const take = setUp();
    const sum = (value: number, startMs: number, timeMs: number) => ({
      name: "n",
      sum: {
        aggregationTemporality: 1,
        isMonotonic: true,
        dataPoints: [point(value, timeMs, { startTimeUnixNano: `${startMs}${NANO}` })],
      },
    });
    expect(shown(take([sum(2, 1000, 2000)]).samples)).toEqual(["n_total 0 @1000", "n_total 2 @2000"]);
    expect(shown(take([sum(3, 2000, 3000)]).samples)).toEqual(["n_total 5 @3000"]);
  });

  test("histograms: cumulative buckets; without a sum none is made up; as NHCB where asked", () => {
    const dataPoints = [
      { timeUnixNano: `1000${NANO}`, count: "6", bucketCounts: ["1", "2", 3], explicitBounds: [0.5, 1e-7] },
    ];
    const metric = { name: "h", unit: "s", histogram: { aggregationTemporality: 2, dataPoints } };
    expect(shown(setUp()([metric]).samples)).toEqual([
      'h_seconds_bucket{le="0.5"} 1 @1000',
      'h_seconds_bucket{le="0.0000001"} 3 @1000',
      'h_seconds_bucket{le="+Inf"} 6 @1000',
      "h_seconds_count 6 @1000",
    ]);
    const [sample] = setUp({ nhcb: true })([metric]).samples;
    expect(sample.histogram).toMatchObject({
      schema: -53,
      count: 6,
      positiveBuckets: [1, 2, 3],
      customValues: [0.5, 1e-7],
    });
  });

  test("exponential histograms are native ones; deltas of two scales add up in the wider", () => {
    const take = setUp();
    const metric = (scale: number, offset: number, bucketCounts: number[], aggregationTemporality: number) => ({
      name: "e",
      exponentialHistogram: {
        aggregationTemporality,
        dataPoints: [
          { timeUnixNano: `1000${NANO}`, count: 3, sum: 4, scale, zeroCount: 0, positive: { offset, bucketCounts } },
        ],
      },
    });
    const cumulative = take([metric(0, -1, [1, 0, 2], 2)]).samples[0].histogram!;
    expect([cumulative.schema, cumulative.positiveSpans, cumulative.positiveBuckets]).toEqual([
      0,
      [{ offset: 0, length: 3 }],
      [1, 0, 2],
    ]);
    take([metric(1, 0, [1, 1, 1], 1)]);
    const summed = take([metric(0, 0, [1, 1], 1)]).samples[0].histogram!;
    // Scale 1, buckets 1, 2, 3 → scale 0, buckets 1, 1, 2; one more each for buckets 1 and 2.
    expect([summed.schema, summed.positiveSpans, summed.positiveBuckets]).toEqual([
      0,
      [{ offset: 1, length: 2 }],
      [3, 2],
    ]);
    expect(take([metric(9, 0, [1, 1], 2)]).samples[0].histogram).toMatchObject({ schema: 8, positiveBuckets: [2] });
    expect(take([metric(-5, 0, [1], 2)])).toMatchObject({ rejected: 1, samples: [] });
  });

  test("summaries, points without a value, exemplars", () => {
    const take = setUp();
    const summary = {
      dataPoints: [{ timeUnixNano: `1000${NANO}`, count: 2, sum: 3, quantileValues: [{ quantile: 0.99, value: 1 }] }],
    };
    const gauge = {
      dataPoints: [
        point(0, 1000, { flags: 1 }),
        point(1, 1000, {
          attributes: [attribute("x", "y")],
          exemplars: [{ asInt: "7", timeUnixNano: `900${NANO}`, traceId: "ab" }],
        }),
      ],
    };
    const { samples, exemplars } = take([
      { name: "s", summary },
      { name: "g", gauge },
    ]);
    expect(shown(samples)).toEqual([
      "s_sum 3 @1000",
      "s_count 2 @1000",
      's{quantile="0.99"} 1 @1000',
      "g stale @1000",
      'g{x="y"} 1 @1000',
    ]);
    expect(
      exemplars.map(({ series, exemplar }) => [`${series}`, `${exemplar.labels}`, exemplar.value, exemplar.timeMs]),
    ).toEqual([['g{x="y"}', '{trace_id="ab"}', 7, 900]]);
  });

  test("a credential of one shop takes its own points only, and gives its name to the others", () => {
    const take = setUp({}, tenantScope([parseTenantId("acme")!]));
    const gauge = { dataPoints: [point(1, 1000, { attributes: [attribute("tenant_id", "rival")] }), point(2, 1000)] };
    const translation = take([{ name: "g", gauge }]);
    expect(shown(translation.samples)).toEqual(['g{tenant_id="acme"} 2 @1000']);
    expect(translation.rejected).toBe(1);
  });
});

describe("readers", () => {
  const body = () => {
    const text = (value: string) => new ProtoWriter().string(1, value).finish();
    const pair = (key: string, value: Uint8Array) => new ProtoWriter().string(1, key).raw(2, value).finish();
    const point = new ProtoWriter()
      .raw(7, pair("k", text("v")))
      .double(4, 1.5)
      .uint(8, 0)
      .finish();
    const sum = new ProtoWriter().raw(1, point).uint(2, 2).bool(3, true).finish();
    const metric = new ProtoWriter().string(1, "m").string(3, "s").raw(7, sum).finish();
    const scope = new ProtoWriter().raw(1, text("lib")).raw(2, metric).finish();
    const resource = new ProtoWriter().raw(1, pair("service.name", text("api"))).finish();
    return Buffer.from(new ProtoWriter().raw(1, new ProtoWriter().raw(1, resource).raw(2, scope).finish()).finish());
  };

  test("protobuf gives the same as JSON", () => {
    const dataPoints = [{ attributes: [attribute("k", "v")], asDouble: 1.5 }];
    const json = {
      resourceMetrics: [
        {
          resource: { attributes: [attribute("service.name", "api")] },
          scopeMetrics: [
            {
              scope: { name: "lib" },
              metrics: [{ name: "m", unit: "s", sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints } }],
            },
          ],
        },
      ],
    };
    expect(readProtobuf(body())).toEqual(readJson(json));
  });

  test("damaged protobuf is refused, never more (fuzz)", () => {
    const good = body();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const damaged = Buffer.from(good);
          for (const [at, byte] of changes) damaged[at] = byte;
          try {
            setUp()([]).take(readProtobuf(damaged));
          } catch (error) {
            expect(error).toBeInstanceOf(ProtobufError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("any JSON is read or refused with its place (fuzz)", () => {
    const keys = [
      "resourceMetrics",
      "scopeMetrics",
      "metrics",
      "sum",
      "dataPoints",
      "attributes",
      "value",
      "asInt",
      "name",
    ];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 8 },
        fc.constantFrom(1, "1", "NaN", null, true, "x"),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie("tree"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        try {
          setUp()([]).take(readJson({ resourceMetrics: value }));
        } catch (error) {
          expect(error).toBeInstanceOf(OtlpJsonError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
