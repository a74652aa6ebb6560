// The scrape path on a page of 10,000 lines (about 114 bytes each): half counters, of which 30 % stand still, 40 %
// histogram lines, 10 % gauges. CPU of this process (user and system, all threads) per sample; the target that serves
// the pages is a process of its own. The row goes nowhere: storing is measured in packages/tsdb.
import { fork } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const LINES = 10_000;
const STATES = 8;

function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Pages of the same series with values that moved on. */
function pages() {
  const random = seeded(1);
  const values = new Float64Array(LINES);
  return Array.from({ length: STATES }, () => {
    const lines = [];
    for (let i = 0; i < LINES; i++) {
      const tenant = `tenant_id="shop-${i % 20}"`;
      const kind = i % 10;
      if (i % 500 === 0) lines.push(`# HELP shop_family_${i} What it counts.`, `# TYPE shop_family_${i} counter`);
      if (kind < 5) {
        if (i % 10 >= 2 || i % 3 !== 0) values[i] += Math.floor(random() * 100);
        const rest = `${tenant},method="GET",path="/api/v1/products/${i}",status="200"`;
        lines.push(`http_requests_total{${rest},instance_zone="eu-central-1a"} ${values[i]}`);
      } else if (kind < 9) {
        values[i] += Math.floor(random() * 10);
        const rest = `${tenant},method="GET",path="/api/v1/products/${i}",le="0.${kind}5"`;
        lines.push(`http_request_duration_seconds_bucket{${rest},zone="a"} ${values[i]}`);
      } else {
        const value = i % 20 === 9 ? Math.floor(random() * 1e6) : random() * 1000;
        lines.push(
          `process_pool_connections{${tenant},pool="postgres-${i}",state="idle",zone="eu-central-1a"} ${value}`,
        );
      }
    }
    return Buffer.from(`${lines.join("\n")}\n`);
  });
}

/** As much of a store as the parser needs. */
class Rows {
  sourceId = 1;
  base = 0;
  row = new Float64Array(LINES + 64);
  names = [];
  byKey = new Map();
  get columns() {
    return this.names.length;
  }
  labels(column) {
    return this.names[column];
  }
  column(labels) {
    let column = this.byKey.get(labels.key);
    if (column === undefined) {
      column = this.names.push(labels) - 1;
      this.byKey.set(labels.key, column);
    }
    return column;
  }
  begin() {}
  commit() {
    return true;
  }
  close() {}
}

function serve() {
  const all = pages();
  let turn = 0;
  const server = createServer((_request, response) => {
    const page = all[turn++ % STATES];
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4", "content-length": page.length });
    response.end(page);
  });
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
  process.on("disconnect", () => process.exit(0));
}

const cpuNs = (since) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) * 1000;
};

function parse({ targets, reader }, page) {
  targets.startPage();
  reader.start(page);
  while (!reader.step(100_000));
  targets.accept();
  reader.accept();
}

async function main() {
  const { PageParser } = await import("../dist/collect/scrape/page-parser.js");
  const { PageTargets } = await import("../dist/collect/scrape/page-targets.js");
  const { PageBuffer } = await import("../dist/collect/scrape/page-buffer.js");
  const { createSeriesResolver } = await import("../dist/collect/scrape/series-resolver.js");
  const { ConfiguredHttp } = await import("../dist/collect/http/configured-http.js");
  const { createHttpFetcher } = await import("../dist/collect/scrape/http-fetch.js");
  const { createAddressRules } = await import("../dist/kernel/address-rules.js");
  const { systemClock } = await import("../dist/kernel/clock.js");
  const { Labels } = await import("@storewatch/model");
  const resolver = createSeriesResolver({
    targetLabels: Labels.from({ job: "shop", instance: "localhost:9780" }),
    honorLabels: false,
    relabel: () => true,
    limits: { labels: 0, nameBytes: 0, valueBytes: 0 },
    scheme: "utf8",
    tenants: { kind: "all" },
    onForeignTenant() {},
  });
  const makeParser = () => {
    const targets = new PageTargets({
      writer: new Rows(),
      resolver,
      sampleLimit: Number.POSITIVE_INFINITY,
      honorTimestamps: true,
      histogramLimits: { buckets: 0, schemaMax: 8 },
    });
    const metadata = { help() {}, type() {}, unit() {}, typeOf() {} };
    const histograms = { convertClassic: false, keepClassic: true, native: false };
    return { targets, reader: new PageParser({ targets, metadata, format: "text", histograms }) };
  };
  const report = (name, ns, goal) => {
    console.log(`${name}: ${ns.toFixed(1)} ns/sample${goal ? ` (goal ≤ ${goal})` : ""}`);
  };

  const sealed = pages().map((bytes) => {
    const page = new PageBuffer();
    page.append(bytes, bytes.length);
    page.seal();
    return page;
  });
  console.log(`page: ${LINES} samples, ${sealed[0].length} bytes`);
  const first = process.cpuUsage();
  for (let i = 0; i < 5; i++) parse(makeParser(), sealed[0]);
  report("first scrape (labels, cache, column)", cpuNs(first) / (5 * LINES));

  const parser = makeParser();
  for (let i = 0; i < 50; i++) parse(parser, sealed[i % STATES]);
  for (let round = 0; round < 3; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < 300; i++) parse(parser, sealed[i % STATES]);
    report("parse", cpuNs(start) / (300 * LINES), 70);
  }

  const child = fork(fileURLToPath(import.meta.url), ["serve"]);
  const port = await new Promise((resolve) => child.once("message", resolve));
  const tls = { ca: "", caFile: "", cert: "", certFile: "", keyFile: "", serverName: "", insecureSkipVerify: false };
  const fetcher = createHttpFetcher({
    http: new ConfiguredHttp({ headers: [] }, undefined, systemClock),
    config: { followRedirects: true, headers: [], tls },
    negotiation: { protocols: ["PrometheusText0.0.4"], escaping: "allow-utf-8" },
    rules: createAddressRules(),
    clock: systemClock,
    userAgent: "bench",
  });
  const url = new URL(`http://127.0.0.1:${port}/metrics`);
  const page = new PageBuffer();
  const scrape = async () => {
    page.clear();
    const { signal } = new AbortController();
    await fetcher.fetch({ url, timeoutMs: 5000, page, bodyLimitBytes: 1e9, compress: true, signal });
    parse(parser, page);
  };
  for (let i = 0; i < 50; i++) await scrape();
  for (let round = 0; round < 3; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < 200; i++) await scrape();
    report("http.get and parse", cpuNs(start) / (200 * LINES), 130);
  }
  fetcher.close();
  child.disconnect();
}

if (process.argv[2] === "serve") serve();
else await main();
