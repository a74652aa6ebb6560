import { Labels } from "@storewatch/model";
import { seededRandom } from "@storewatch/testkit";
import { describe, expect, test } from "vitest";
import { createRelabeller, RELABEL_DEFAULTS } from "../relabel.ts";
import { FakeRows } from "../testing/fake-rows.ts";
import { ExpositionError, ExpositionParser } from "./exposition.ts";
import { numberEnd, parseNumber } from "./fast-number.ts";
import { NO_HISTOGRAM_LIMITS } from "./histogram-limits.ts";
import { TargetMetadata } from "./metadata.ts";
import { PageBuffer } from "./page-buffer.ts";
import { PageParser } from "./page-parser.ts";
import { PageTargets, type PageTargetsOptions } from "./page-targets.ts";
import { createSeriesResolver } from "./series-resolver.ts";

const plainResolver = createSeriesResolver({
  targetLabels: Labels.empty,
  honorLabels: false,
  relabel: () => true,
  limits: { labels: 0, nameBytes: 0, valueBytes: 0 },
  scheme: "utf8",
  tenants: { kind: "all" },
  onForeignTenant: () => {},
});

function fill(page: PageBuffer, text: string | Buffer): PageBuffer {
  page.clear();
  page.append(Buffer.from(text), Number.MAX_SAFE_INTEGER);
  page.seal();
  return page;
}

/** What the strict parser alone makes of a page: the first sample of each series, or the error. */
function reference(text: Buffer, honorTimestamps: boolean) {
  const parser = new ExpositionParser();
  const page = fill(new PageBuffer(), text);
  parser.reset(page.bytes, page.length);
  const values = new Map<string, number>();
  const timed: string[] = [];
  let scraped = 0;
  try {
    for (let entry = parser.next(); entry.kind !== "end"; entry = parser.next()) {
      if (entry.kind !== "series") continue;
      scraped += 1;
      const labels = plainResolver.resolve(entry.series);
      if (!labels) continue;
      const key = labels.toString();
      if (honorTimestamps && entry.timeMs !== undefined) timed.push(`${key} ${entry.value} ${entry.timeMs}`);
      else if (!values.has(key)) values.set(key, entry.value);
    }
  } catch (error) {
    return { error: (error as Error).message.replace(/^line.*?: /, ""), values, timed, scraped };
  }
  return { error: undefined, values, timed, scraped };
}

function setUp(more: Partial<PageTargetsOptions> = {}) {
  const writer = new FakeRows();
  const metadata = new TargetMetadata();
  const targets = new PageTargets({
    writer,
    resolver: plainResolver,
    sampleLimit: Number.POSITIVE_INFINITY,
    honorTimestamps: true,
    histogramLimits: NO_HISTOGRAM_LIMITS,
    ...more,
  });
  const histograms = { convertClassic: false, keepClassic: true, native: false };
  const parser = new PageParser({ targets, metadata, format: "text", histograms });
  const page = new PageBuffer();
  let timeMs = 0;
  const scrape = (text: string | Buffer, budget = 1e9) => {
    writer.begin();
    targets.startPage();
    parser.start(fill(page, text));
    let error: string | undefined;
    try {
      while (!parser.step(budget));
    } catch (thrown) {
      if (!(thrown instanceof ExpositionError) && !(thrown as Error).message.startsWith("label")) throw thrown;
      error = (thrown as Error).message.replace(/^line.*?: /, "");
    }
    const timed = targets.takeSamples(timeMs).map((s) => `${s.labels} ${s.value} ${s.timeMs}`);
    timeMs += 1000;
    if (error === undefined) {
      writer.commit(timeMs);
      targets.accept();
      parser.accept();
    }
    return { error, timed, counts: targets.counts, values: writer.rows.at(-1)?.values ?? new Map() };
  };
  return { scrape, writer, metadata, parser };
}

describe("page parser", () => {
  test("a page's values come through on the first and on later scrapes", () => {
    const { scrape } = setUp();
    const page = (n: number) => `# HELP a Help\n# TYPE a counter\n\na{b="x"} ${n}\na{b="y"} ${n}.5\nc NaN\nd -Inf\n`;
    for (const n of [1, 2, 3]) {
      const { values, counts } = scrape(page(n));
      expect(Object.fromEntries(values)).toEqual({ 'a{b="x"}': n, 'a{b="y"}': n + 0.5, c: Number.NaN, d: -Infinity });
      expect(counts).toMatchObject({ scraped: 4, kept: 4, added: n === 1 ? 4 : 0, duplicates: 0 });
    }
  });

  test("an older, longer page in the same buffer does not lengthen the last number", () => {
    const { scrape } = setUp();
    scrape("a 92345");
    expect(scrape("a 9").values.get("a")).toBe(9);
  });

  test("series that are back after a page without them count as added", () => {
    const { scrape } = setUp();
    scrape("a 1\nb 1\n");
    expect(scrape("a 1\n").counts.added).toBe(0);
    expect(scrape("a 1\nb 1\n").counts.added).toBe(1);
  });

  test("the first of two samples of one series counts", () => {
    const { scrape } = setUp();
    for (let i = 0; i < 3; i++) {
      const { values, counts } = scrape('a{x="1",y="2"} 1\na{y="2",x="1"} 2\na{x="1",y="2"} 3\n');
      expect([...values]).toEqual([['a{x="1", y="2"}', 1]]);
      expect(counts).toMatchObject({ scraped: 3, duplicates: 2 });
    }
  });

  test("times on lines go the generic way, or are ignored", () => {
    const honoured = setUp();
    const ignored = setUp({ honorTimestamps: false });
    for (let i = 1; i < 4; i++) {
      expect(honoured.scrape(`a 1 ${i}000\nb 2\n`)).toMatchObject({
        timed: [`a 1 ${i}000`],
        values: new Map([["b", 2]]),
      });
      expect(ignored.scrape(`a 1 ${i}000\nb 2\n`)).toMatchObject({ timed: [], counts: { scraped: 2 } });
    }
    expect(honoured.scrape("a 5\nb 2 77\n")).toMatchObject({ timed: ["b 2 77"], values: new Map([["a", 5]]) });
    expect(ignored.writer.last("a")).toBe(1);
  });

  test("a bare name and the same name with a blank before its braces are two series", () => {
    const { scrape } = setUp();
    for (let i = 0; i < 3; i++) {
      expect(Object.fromEntries(scrape('foo 1\nfoo {a="b"} 2\n').values)).toEqual({ foo: 1, 'foo{a="b"}': 2 });
      expect(Object.fromEntries(scrape('foo {a="b"} 2\nfoo 1\n').values)).toEqual({ foo: 1, 'foo{a="b"}': 2 });
    }
  });

  test("a value without a blank before it does not shorten other names", () => {
    const { scrape } = setUp();
    for (let i = 0; i < 3; i++) expect(Object.fromEntries(scrape("a+1\na5 3\n").values)).toEqual({ a: 1, a5: 3 });
  });

  test("a page over its sample limit fails before it makes more columns", () => {
    const { scrape, writer } = setUp({ sampleLimit: 2 });
    for (let i = 0; i < 2; i++) {
      expect(scrape("a 1\nb 1\nc 1\nd 1\n").error).toBe("sample limit exceeded: more than 2 samples");
      expect(writer.columns).toBe(2);
    }
    expect(scrape("a 1\nb 1\n").error).toBeUndefined();
  });

  test("metric relabelling drops and renames; dropped samples are counted as scraped only", () => {
    const relabel = createRelabeller([
      { ...RELABEL_DEFAULTS, action: "drop", sourceLabels: ["__name__"], regex: "go_.*" },
      {
        ...RELABEL_DEFAULTS,
        sourceLabels: ["__name__"],
        regex: "old_(.*)",
        targetLabel: "__name__",
        replacement: "new_$1",
      },
    ]);
    const resolver = createSeriesResolver({
      targetLabels: Labels.from({ job: "j" }),
      honorLabels: false,
      relabel,
      limits: { labels: 0, nameBytes: 0, valueBytes: 0 },
      scheme: "utf8",
      tenants: { kind: "all" },
      onForeignTenant: () => {},
    });
    const { scrape } = setUp({ resolver });
    for (let i = 0; i < 3; i++) {
      const { values, counts } = scrape("go_gc 1\nold_x 2\ngo_gc2 1\n");
      expect(Object.fromEntries(values)).toEqual({ 'new_x{job="j"}': 2 });
      expect(counts).toMatchObject({ scraped: 3, kept: 1 });
    }
  });

  test("a series with labels of endless length is refused, whatever the job allows", () => {
    const resolver = createSeriesResolver({
      targetLabels: Labels.from({ job: "j" }),
      honorLabels: false,
      relabel: createRelabeller([]),
      limits: { labels: 0, nameBytes: 0, valueBytes: 0 },
      scheme: "utf8",
      tenants: { kind: "all" },
      onForeignTenant: () => {},
    });
    const { scrape } = setUp({ resolver });
    expect(scrape(`a{b="${"x".repeat(65_000)}"} 1\n`).error).toBeUndefined();
    expect(scrape(`a{b="${"x".repeat(66_000)}"} 1\n`).error).toMatch(/too long labels \(metric: a, /);
    const many = Array.from({ length: 20_000 }, (_, i) => `l${i}="v"`).join(",");
    expect(scrape(`a{${many}} 1\n`).error).toMatch(/too long labels/);
  });

  test("metadata follows changed comments only", () => {
    const { scrape, metadata } = setUp();
    scrape("# HELP a One\\nline\n# TYPE a counter\na 1\n");
    expect(metadata.families.get("a")).toEqual({ type: "counter", help: "One\nline", unit: "" });
    scrape("# HELP a Two\n# TYPE a gauge\na 1\n");
    expect(metadata.families.get("a")).toEqual({ type: "gauge", help: "Two", unit: "" });
  });

  test("bucket bounds are floats, also for lines that join a known histogram", () => {
    const { scrape } = setUp();
    scrape('# TYPE h histogram\nh_bucket{le="1"} 1\n');
    const { values } = scrape('# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="2"} 2\nh_bucket{le="+Inf"} 2\n');
    expect([...values.keys()]).toEqual(['h_bucket{le="1.0"}', 'h_bucket{le="2.0"}', 'h_bucket{le="+Inf"}']);
  });

  test("names that come and go do not fill the cache", () => {
    const { scrape, parser } = setUp();
    for (let i = 0; i < 50; i++) scrape(Array.from({ length: 100 }, (_, n) => `m{id="${i}-${n}"} 1\n`).join(""));
    expect(parser.cacheBytes).toBeLessThan(40_000);
  });

  test("work can be done in slices", () => {
    const { scrape } = setUp();
    const page = Array.from({ length: 500 }, (_, n) => `m{id="${n}"} ${n}\n`).join("");
    for (let i = 0; i < 3; i++) expect(scrape(page, 7).values.size).toBe(500);
  });
});

describe("fuzz: fast against strict", () => {
  const seed = Number(process.env.FUZZ_SEED ?? 20261122);

  test(`pages that change from scrape to scrape (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
    const names = ["a", "ab", "abc", "http_requests_total", "x:y", "le", "h_bucket"];
    const labelSets = [
      "",
      "{}",
      '{a="b"}',
      '{a="b",}',
      '{ a = "b" , c="d\\"e\\\\"}',
      '{le="0.5"}',
      '{q="x\ny"}',
      '{"u.tf-8"="ü"}',
      `{a="${"v".repeat(60)}"}`,
    ];
    const values = [
      "1",
      "0",
      "-0",
      "1.5",
      "-2.25e3",
      "1e-7",
      "NaN",
      "+Inf",
      "-Inf",
      "inf",
      "123456789012345678",
      "0.1",
      "5e-324",
      "1e400",
      "0x10",
      "1_0",
      "12345.678901",
      "+7",
      ".5",
      "5.",
    ];
    const tails = ["\n", "\n", "\n", "\n", "\n\n", " \n", " 1700000000000\n", "\t12 \n", " x\n", "\r\n"];
    const extras = [
      "# HELP a Some text\n",
      "# TYPE h_bucket histogram\n",
      "# TYPE h_bucket gauge\n",
      "# a comment\n",
      "#\n",
      "\n",
      "  \n",
      '{"q.name",a="b"} 3\n',
      " a 1\n",
      'a{b="c"}4\n',
    ];
    const line = () => {
      if (random() < 0.2) return pick(extras);
      const safe = random() < 0.95;
      const value = safe ? pick(values.slice(0, 9)) : pick(values);
      return `${pick(names)}${pick(labelSets)}${pick([" ", " ", "  ", "\t"])}${value}${safe ? pick(tails.slice(0, 6)) : pick(tails)}`;
    };
    let pages = 0;
    let bad = 0;
    for (let run = 0; run < 60; run++) {
      const { scrape } = setUp();
      let lines = Array.from({ length: 1 + Math.floor(random() * 30) }, line);
      for (let i = 0; i < 25; i++) {
        if (random() < 0.3) lines.splice(Math.floor(random() * lines.length), 1);
        if (random() < 0.5) lines.splice(Math.floor(random() * lines.length), 0, line());
        if (random() < 0.1) lines = [...lines].sort(() => random() - 0.5);
        let page = Buffer.from(lines.join(""));
        if (random() < 0.2 && page.length > 0) page[Math.floor(random() * page.length)] = Math.floor(random() * 256);
        if (random() < 0.1) page = page.subarray(0, Math.floor(random() * page.length));
        const expected = reference(page, true);
        const got = scrape(page, random() < 0.3 ? 5 : 1e9);
        pages += 1;
        if (expected.error !== undefined) bad += 1;
        expect(got.error, page.toString("latin1")).toBe(expected.error);
        if (expected.error !== undefined) continue;
        expect(new Map([...got.values].sort()), page.toString("latin1")).toEqual(new Map([...expected.values].sort()));
        expect(got.timed).toEqual(expected.timed);
        expect(got.counts.scraped).toBe(expected.scraped);
      }
    }
    expect(pages).toBe(1500);
    expect(bad).toBeGreaterThan(100);
    expect(bad).toBeLessThan(1100);
  });

  test(`numbers equal Number() bit for bit (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const digits = (n: number) => Array.from({ length: n }, () => Math.floor(random() * 10)).join("");
    const buffer = Buffer.alloc(100, 10);
    for (let i = 0; i < 200_000; i++) {
      const kind = random();
      let text =
        kind < 0.3 ? String(random() * 10 ** Math.floor(random() * 20)) : digits(1 + Math.floor(random() * 20));
      if (kind > 0.5) text += `.${digits(Math.floor(random() * 20))}`;
      if (kind > 0.8) text += `e${random() < 0.5 ? "-" : ""}${Math.floor(random() * 330)}`;
      if (random() < 0.3) text = `-${text}`;
      const length = buffer.write(`${text}\n`, "latin1");
      const value = parseNumber(buffer, 0);
      const expected = Number(text);
      if (!Number.isFinite(expected)) expect(numberEnd).toBe(-1);
      else if (!Object.is(value, expected) || numberEnd !== length - 1)
        expect(`${text} → ${value}`).toBe(`${expected}`);
    }
  });
});
