// OpenMetrics, protobuf and converted histograms, from a page's bytes to what the store is given.
import { Labels, type NativeHistogram } from "@storewatch/model";
import { seededRandom } from "@storewatch/testkit";
import fc from "fast-check";
import * as prom from "prom-client";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { ProtobufError } from "../protobuf/reader.ts";
import { FakeRows } from "../testing/fake-rows.ts";
import { counter, families, family, histogram } from "../testing/protobuf-page.ts";
import { acceptHeader, defaultProtocols, formatOf, type PageFormat } from "./content.ts";
import { ExpositionError } from "./exposition.ts";
import { limitHistogram, NO_HISTOGRAM_LIMITS, schemaOfFactor } from "./histogram-limits.ts";
import { TargetMetadata } from "./metadata.ts";
import { OpenMetricsParser } from "./openmetrics.ts";
import { PageBuffer } from "./page-buffer.ts";
import { type HistogramOptions, PageParser } from "./page-parser.ts";
import { PageTargets, type PageTargetsOptions } from "./page-targets.ts";
import { ProtobufPage } from "./protobuf-page.ts";
import { createSeriesResolver } from "./series-resolver.ts";

const SEED = Number(process.env.SEED ?? 20261122);

const resolver = createSeriesResolver({
  targetLabels: Labels.empty,
  honorLabels: false,
  relabel: (labels) => labels.get("__name__") !== "dropped",
  limits: { labels: 0, nameBytes: 0, valueBytes: 0 },
  scheme: "utf8",
  tenants: { kind: "all" },
  onForeignTenant: () => {},
});

function sealed(bytes: Uint8Array | string): PageBuffer {
  const page = new PageBuffer();
  page.append(Buffer.from(bytes), Number.MAX_SAFE_INTEGER);
  page.seal();
  return page;
}

function setUp(format: PageFormat, how: Partial<HistogramOptions> = {}, more: Partial<PageTargetsOptions> = {}) {
  const writer = new FakeRows();
  const metadata = new TargetMetadata();
  const targets = new PageTargets({
    writer,
    resolver,
    sampleLimit: Number.POSITIVE_INFINITY,
    honorTimestamps: true,
    histogramLimits: NO_HISTOGRAM_LIMITS,
    ...more,
  });
  const histograms = { convertClassic: false, keepClassic: false, native: true, ...how };
  const reader =
    format === "protobuf"
      ? new ProtobufPage({ targets, metadata, histograms })
      : new PageParser({ targets, metadata, histograms, format });
  let timeMs = 0;
  const scrape = (bytes: Uint8Array | string, budget = 1e9) => {
    timeMs += 1000;
    writer.begin();
    targets.startPage();
    reader.start(sealed(bytes));
    while (!reader.step(budget));
    const own = targets.takeSamples(timeMs);
    const ended = targets.vanished(false).map(String);
    const exemplars = targets
      .takeExemplars(timeMs)
      .map(({ series, exemplar }) => `${series} # ${exemplar.labels} ${exemplar.value} @${exemplar.timeMs}`);
    writer.commit(timeMs);
    targets.accept();
    reader.accept();
    return { values: Object.fromEntries(writer.rows.at(-1)!.values), own, ended, exemplars, counts: targets.counts };
  };
  return { scrape, metadata, targets };
}

describe("content negotiation", () => {
  const base = { escaping: "allow-utf-8", fallback: undefined } as const;

  test("asks for protobuf first only where native histograms are wanted", () => {
    expect(acceptHeader({ ...base, protocols: defaultProtocols(true) })).toMatch(
      /^application\/vnd\.google\.protobuf;proto=io\.prometheus\.client\.MetricFamily;encoding=delimited;q=0\.6,/,
    );
    expect(acceptHeader({ ...base, protocols: ["PrometheusText1.0.0"], escaping: "dots" })).toBe(
      "text/plain;version=1.0.0;escaping=dots;q=0.2,*/*;q=0.1",
    );
  });

  test("goes by the content type, then by the fallback, then takes it for text", () => {
    expect(formatOf("application/openmetrics-text; version=1.0.0", undefined)).toBe("openmetrics");
    expect(formatOf("application/vnd.google.protobuf; proto=x; encoding=delimited", undefined)).toBe("protobuf");
    expect(formatOf("text/plain; version=0.0.4", "PrometheusProto")).toBe("text");
    expect(formatOf("text/html", "OpenMetricsText1.0.0")).toBe("openmetrics");
    expect(formatOf("", "PrometheusProto")).toBe("protobuf");
    expect(formatOf("", undefined)).toBe("text");
  });
});

const OPEN = `# TYPE a counter
# UNIT a_seconds seconds
a_total{x="1"} 1 1.5 # {trace_id="t"} 0.25 1.25
{"ü.total",x="2"} 2
# TYPE h histogram
h_bucket{le="1"} 1 # {id="é"} 0.5
h_bucket{le="+Inf"} 2
h_count 2
# TYPE s stateset
s{s="on"} 1
# EOF
`;

describe("OpenMetrics", () => {
  test("times in seconds, exemplars, quoted names, bounds as floats", () => {
    const { scrape, metadata } = setUp("openmetrics");
    for (const round of [1, 2, 3]) {
      const { values, own, exemplars, counts } = scrape(OPEN);
      expect(values).toEqual({
        'ü.total{x="2"}': 2,
        'h_bucket{le="1.0"}': 1,
        'h_bucket{le="+Inf"}': 2,
        h_count: 2,
        's{s="on"}': 1,
      });
      expect(own.map((one) => `${one.labels} ${one.value} ${one.timeMs}`)).toEqual(['a_total{x="1"} 1 1500']);
      // Without a time of its own an exemplar is taken when it is new, with the row's time.
      const timed = 'a_total{x="1"} # {trace_id="t"} 0.25 @1250';
      expect(exemplars).toEqual(round === 1 ? [timed, 'h_bucket{le="1.0"} # {id="é"} 0.5 @1000'] : [timed]);
      expect(counts).toMatchObject({ scraped: 6, kept: 6, own: 1, added: round === 1 ? 6 : 0 });
    }
    expect(metadata.families.get("a_seconds")?.unit).toBe("seconds");
    expect(metadata.families.get("s")?.type).toBe("stateset");
  });

  test.each([
    ["without its end", "a 1\n", "data does not end with # EOF"],
    ["cut off in a line", "a 1\nb 2", "data does not end with # EOF"],
    ["with more after its end", "a 1\n# EOF\nb 2\n", "unexpected data after # EOF"],
    ["with an empty line", "a 1\n\n# EOF\n", "expected a valid start token"],
  ])("a page %s is refused, also when it is known", (_, bad, reason) => {
    const { scrape } = setUp("openmetrics");
    scrape("a 1\nb 2\n# EOF\n");
    expect(() => scrape(bad)).toThrow(reason);
    expect(() => scrape(bad)).toThrow(ExpositionError);
    expect(scrape("a 1\nb 2\n# EOF\n").values).toEqual({ a: 1, b: 2 });
  });

  test(`pages with damage: the line cache and the strict parser alone agree (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const { scrape } = setUp("openmetrics");
    let refused = 0;
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(OPEN);
      for (let n = Math.floor(random() * 3); n > 0; n--) {
        bytes[Math.floor(random() * bytes.length)] = OPEN.charCodeAt(Math.floor(random() * OPEN.length));
      }
      const problem = strictProblem(bytes);
      if (problem !== undefined) refused += 1;
      // Label names that stand there twice are refused later, by the resolver.
      const run = () => scrape(bytes, 1 + Math.floor(random() * 100));
      if (problem === undefined) {
        try {
          run();
        } catch (error) {
          expect((error as Error).message).toMatch(/is not unique|missing metric name/);
        }
      } else expect(run).toThrow(ExpositionError);
    }
    expect(refused).toBeGreaterThan(300);
  });

  test("bytes at random end in a page or in an ExpositionError", () => {
    const alphabet = fc.constantFrom(...'#{}"\\= \n,1aE', "# EOF\n", "# TYPE a ", "\u0000", "é");
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 60 }), (parts) => {
        strictProblem(Buffer.from(parts.join("")));
      }),
      { numRuns: 5000, seed: SEED },
    );
  });

  test("what prom-client's OpenMetrics registry says comes through", async () => {
    const registry = new Registry<prom.OpenMetricsContentType>();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const latency = new prom.Histogram<string>({
      name: "latency_seconds",
      help: 'Of "requests"',
      buckets: [0.1, 1],
      labelNames: ["path"],
      enableExemplars: true,
      registers: [registry],
    });
    latency.observe({ labels: { path: "/é" }, value: 0.5, exemplarLabels: { trace_id: "abc" } });
    const orders = new prom.Counter({ name: "orders_total", help: "Orders", registers: [registry] });
    orders.inc(3);
    const { scrape, metadata } = setUp("openmetrics");
    const { values, exemplars } = scrape(await registry.metrics());
    expect(values).toMatchObject({
      'latency_seconds_bucket{le="0.1", path="/é"}': 0,
      'latency_seconds_bucket{le="1.0", path="/é"}': 1,
      'latency_seconds_bucket{le="+Inf", path="/é"}': 1,
      'latency_seconds_sum{path="/é"}': 0.5,
      orders_total: 3,
    });
    expect(exemplars).toHaveLength(1);
    expect(exemplars[0]).toContain('latency_seconds_bucket{le="1.0", path="/é"} # {trace_id="abc"} 0.5 @');
    expect(metadata.families.get("latency_seconds")).toMatchObject({ type: "histogram", help: 'Of "requests"' });
  });
});

function strictProblem(bytes: Buffer): string | undefined {
  const parser = new OpenMetricsParser();
  const page = sealed(bytes);
  parser.reset(page.bytes, page.length);
  try {
    while (parser.next().kind !== "end");
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ExpositionError);
    return (error as ExpositionError).reason;
  }
}

const CLASSIC = (a: number, b: number, count = b) =>
  `# TYPE h histogram\nh_bucket{x="1",le="1"} ${a}\nh_bucket{x="1",le="2.5"} ${b}\nh_bucket{x="1",le="+Inf"} ${count}\n` +
  `h_sum{x="1"} 7\nh_count{x="1"} ${count}\n# TYPE other counter\nother_bucket 1\n`;

describe("classic histograms converted", () => {
  test("their lines become one native histogram with custom buckets, scrape after scrape", () => {
    const { scrape } = setUp("text", { convertClassic: true });
    for (const n of [1, 2, 3]) {
      const { values, own, counts } = scrape(CLASSIC(n, 3 * n, 4 * n));
      expect(values).toEqual({ other_bucket: 1 });
      expect(own).toHaveLength(1);
      expect(own[0].labels.toString()).toBe('h{x="1"}');
      expect(own[0].timeMs).toBe(n * 1000);
      expect(own[0].histogram).toEqual({
        schema: -53,
        count: 4 * n,
        sum: 7,
        zeroThreshold: 0,
        zeroCount: 0,
        positiveSpans: [{ offset: 0, length: 3 }],
        positiveBuckets: [n, 2 * n, n],
        negativeSpans: [],
        negativeBuckets: [],
        customValues: [1, 2.5],
        counterReset: "unknown",
      });
      expect(counts).toMatchObject({ scraped: 2, kept: 2, own: 1, added: n === 1 ? 2 : 0 });
    }
    expect(scrape("other_bucket 1\n").ended).toEqual(['h{x="1"}']);
  });

  test("the classic series stay too where the job keeps them", () => {
    const { scrape } = setUp("text", { convertClassic: true, keepClassic: true });
    for (let i = 0; i < 2; i++) {
      const { values, own, counts } = scrape(CLASSIC(1, 2));
      expect(values).toMatchObject({ 'h_bucket{le="1.0", x="1"}': 1, 'h_count{x="1"}': 2, 'h_sum{x="1"}': 7 });
      expect(own).toHaveLength(1);
      expect(counts.scraped).toBe(7);
    }
  });

  test("one whose buckets and count contradict each other is left out and counted", () => {
    const { scrape } = setUp("text", { convertClassic: true });
    expect(scrape(CLASSIC(5, 3)).counts.broken).toBe(1);
    expect(scrape(CLASSIC(5, 3)).own).toEqual([]);
    expect(scrape(CLASSIC(1, 3)).own).toHaveLength(1);
  });

  test("exemplars of buckets go to the histogram", () => {
    const { scrape } = setUp("openmetrics", { convertClassic: true });
    const page = '# TYPE h histogram\nh_bucket{le="1"} 1 # {id="a"} 0.5 2\nh_bucket{le="+Inf"} 1\n# EOF\n';
    expect(scrape(page).exemplars).toEqual(['h # {id="a"} 0.5 @2000']);
  });
});

const PAGE = families(
  family("orders_total", 0, counter(3, "acme"), counter(4, "blue", 1234)),
  family("dropped", 1, (out) => out.message(2, (gauge) => gauge.double(1, 5))),
  family("temperature", 1, (out) => out.message(2, (gauge) => gauge.double(1, -1.5))),
  family("latency", 2, (out) =>
    out.message(4, (summary) => {
      summary.uint(1, 4).double(2, 8);
      summary.message(3, (quantile) => quantile.double(1, 0.5).double(2, 1.25));
    }),
  ),
  family("requests", 4, histogram()),
);

const NATIVE: NativeHistogram = {
  schema: 3,
  count: 7,
  sum: 12.5,
  zeroThreshold: 0.001,
  zeroCount: 0,
  positiveSpans: [{ offset: 4, length: 3 }],
  positiveBuckets: [2, 3, 2],
  negativeSpans: [],
  negativeBuckets: [],
  customValues: [],
  counterReset: "unknown",
};

describe("protobuf", () => {
  test("every type, times, exemplars and native histograms, scrape after scrape", () => {
    const { scrape, metadata } = setUp("protobuf");
    for (const round of [1, 2, 3]) {
      const { values, own, exemplars, counts } = scrape(PAGE, 15);
      expect(values).toEqual({
        'orders_total{tenant_id="acme"}': 3,
        temperature: -1.5,
        latency_count: 4,
        latency_sum: 8,
        'latency{quantile="0.5"}': 1.25,
      });
      expect(own.map(({ labels, timeMs, value }) => `${labels} ${value} ${timeMs}`)).toEqual([
        'orders_total{tenant_id="blue"} 4 1234',
        `requests{path="/"} NaN ${round * 1000}`,
      ]);
      expect(own.map((one) => one.histogram)).toEqual([undefined, NATIVE]);
      expect(exemplars).toEqual([
        'orders_total{tenant_id="acme"} # {trace_id="t"} 1 @5006',
        'orders_total{tenant_id="blue"} # {trace_id="t"} 1 @5006',
        'requests{path="/"} # {trace_id="n"} 0.75 @9000',
      ]);
      expect(counts).toMatchObject({ scraped: 8, kept: 7, own: 2, added: round === 1 ? 7 : 0 });
    }
    expect(metadata.families.get("requests")).toMatchObject({ type: "histogram", help: "Help of requests" });
  });

  test("a native histogram that is gone ends; one with a time of its own does not", () => {
    const { scrape } = setUp("protobuf");
    scrape(PAGE);
    expect(scrape(families(family("temperature", 1, () => {}))).ended).toEqual(['requests{path="/"}']);
    expect(scrape(families(family("temperature", 1, () => {}))).ended).toEqual([]);
  });

  test("classic buckets: where there is no native form, where both are kept, where native is not wanted", () => {
    const classic = {
      'requests_bucket{le="0.5", path="/"}': 3,
      'requests_bucket{le="2.0", path="/"}': 7,
      'requests_bucket{le="+Inf", path="/"}': 7,
      'requests_count{path="/"}': 7,
      'requests_sum{path="/"}': 12.5,
    };
    const native = families(family("requests", 4, histogram()));
    const plain = families(family("requests", 4, histogram({ deltas: [] })));
    expect(setUp("protobuf").scrape(plain)).toMatchObject({ values: classic, own: [] });
    const both = setUp("protobuf", { keepClassic: true }).scrape(native);
    expect(both).toMatchObject({ values: classic, own: [{ histogram: NATIVE }] });
    expect(setUp("protobuf", { native: false }).scrape(native)).toMatchObject({ values: classic, own: [] });
    const converted = setUp("protobuf", { convertClassic: true }).scrape(plain);
    expect(converted.values).toEqual({});
    expect(converted.own[0].histogram).toMatchObject({
      schema: -53,
      customValues: [0.5, 2],
      positiveBuckets: [3, 4, 0],
    });
    expect(setUp("protobuf", { convertClassic: true }).scrape(native).own[0].histogram).toEqual(NATIVE);
  });

  test.each([
    ["a count that is not that of its buckets", histogram({ count: 6 }), /7 observations in the buckets/],
    ["fewer than no observations", histogram({ deltas: [-1] }), /fewer than 0/],
  ])("a native histogram with %s fails the page", (_, metric, reason) => {
    const { scrape } = setUp("protobuf");
    expect(() => scrape(families(family("requests", 4, metric)))).toThrow(reason);
  });

  test("limits: samples, buckets", () => {
    expect(() => setUp("protobuf", {}, { sampleLimit: 2 }).scrape(PAGE)).toThrow("sample limit exceeded");
    const limits = { buckets: 2, schemaMax: 8 };
    const { own } = setUp("protobuf", {}, { histogramLimits: limits }).scrape(PAGE);
    expect(own[1].histogram).toMatchObject({ schema: 2, positiveBuckets: [2, 5] });
  });

  test(`damaged pages end in a ProtobufError or in a page, and leave the next page whole (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const { scrape } = setUp("protobuf", { keepClassic: true });
    const whole = scrape(PAGE);
    let refused = 0;
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(PAGE);
      for (let n = 1 + Math.floor(random() * 3); n > 0; n--)
        bytes[Math.floor(random() * bytes.length)] = random() * 256;
      try {
        scrape(bytes.subarray(0, random() < 0.2 ? Math.floor(random() * bytes.length) : bytes.length));
      } catch (error) {
        expect(error).toBeInstanceOf(ProtobufError);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(1000);
    expect(scrape(PAGE).values).toEqual(whole.values);
  });
});

describe("limits of native histograms", () => {
  test("a factor stands for the finest schema whose buckets grow by at least as much", () => {
    expect([0, 1, 1.09, 1.1, 1.4, 2, 4, 1e6].map(schemaOfFactor)).toEqual([8, 8, 3, 2, 1, 0, -1, -4]);
  });

  test("neighbours are joined, over gaps and on both sides of zero", () => {
    const fine: NativeHistogram = {
      ...NATIVE,
      schema: 1,
      positiveSpans: [
        { offset: -3, length: 3 },
        { offset: 2, length: 2 },
      ],
      positiveBuckets: [1, 2, 3, 4, 5],
      negativeSpans: [{ offset: 1, length: 2 }],
      negativeBuckets: [6, 7],
    };
    // Positive indexes -3, -2, -1, 2, 3 become -1, -1, 0, 1, 2.
    expect(limitHistogram(fine, { buckets: 0, schemaMax: 0 })).toEqual({
      ...fine,
      schema: 0,
      positiveSpans: [{ offset: -1, length: 4 }],
      positiveBuckets: [3, 3, 4, 5],
      negativeSpans: [{ offset: 1, length: 1 }],
      negativeBuckets: [13],
    });
    expect(limitHistogram(fine, { buckets: 1, schemaMax: 8 })).toBeUndefined();
    expect(limitHistogram(fine, NO_HISTOGRAM_LIMITS)).toBe(fine);
  });
});
