// Native histograms and exemplars from a page to the real store, and their end.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { bitsOf, isStaleAt, Matcher } from "@storewatch/model";
import { openTsdb, type Tsdb } from "@storewatch/tsdb";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../kernel/clock.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createCollector } from "./collector.ts";
import { fileSources, loadPrometheusConfig } from "./prometheus-config.ts";
import { counter, families, family, histogram } from "./testing/protobuf-page.ts";
import { TargetServer } from "./testing/target-server.ts";

let dir: string;
let target: TargetServer;
let tsdb: Tsdb;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "collect-native-"));
  target = await TargetServer.start();
  tsdb = await openTsdb({
    dataDir: path.join(dir, "data"),
    clock: systemClock,
    retention: { default: { name: "default", timeMs: 3_600_000 } },
  });
});

afterEach(async () => {
  await tsdb.close();
  await target.stop();
  rmSync(dir, { recursive: true });
});

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 });

function requests() {
  const [found] = tsdb.select([new Matcher("=", "__name__", "requests")], 0, Date.now() + 1000);
  const last = (found?.timesMs.length ?? 0) - 1;
  const ended = found !== undefined && isStaleAt(bitsOf(found.values.slice()), last);
  return { labels: found?.labels.toString(), histograms: (found?.histograms ?? []).filter(Boolean), ended };
}

test("a native histogram is stored at the row's time, ends when its page fails, comes back, ends with its target", async () => {
  const body = families(family("orders_total", 0, counter(3, "acme")), family("requests", 4, histogram()));
  const whole: TargetServer["answer"] = (_, response) => {
    response.setHeader(
      "content-type",
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    );
    response.end(body);
  };
  target.answer = whole;
  const file = path.join(dir, "prometheus.yml");
  const load = (targets: string) => {
    const job = `{ job_name: j, scrape_interval: 50ms, scrape_native_histograms: true, static_configs: [{ targets: [${targets}] }] }`;
    writeFileSync(file, `scrape_configs: [${job}]`);
    return loadPrometheusConfig(file, fileSources({}));
  };
  const collector = createCollector({
    store: {
      openRows: (_, key) => tsdb.openRows(key),
      append: (_, samples) => tsdb.append(samples),
      appendExemplars: (_, exemplars) => tsdb.appendExemplars(exemplars),
    },
    config: load(`'${target.address}'`),
    clock: systemClock,
    logger: silentLogger,
    metrics: new Registry(),
  });
  collector.start();
  await until(() => expect(requests().histograms.length).toBeGreaterThan(2));
  expect(requests().labels).toBe(`requests{instance="${target.address}", job="j", path="/"}`);
  expect(requests().histograms[0]).toMatchObject({ schema: 3, count: 7, sum: 12.5, positiveBuckets: [2, 3, 2] });
  expect(target.requests[0].headers.accept).toMatch(/^application\/vnd\.google\.protobuf;/);
  const [up] = tsdb.select([new Matcher("=", "__name__", "up")], 0, Date.now() + 1000);
  const [own] = tsdb.select([new Matcher("=", "__name__", "requests")], 0, Date.now() + 1000);
  expect([...up.timesMs]).toEqual(expect.arrayContaining([...own.timesMs].slice(0, 3)));
  const exemplars = tsdb.exemplars([new Matcher("=", "__name__", "orders_total")], 0, Date.now());
  expect(exemplars.map(({ exemplars: all }) => all.map((one) => `${one.labels} ${one.value} ${one.timeMs}`))).toEqual([
    ['{trace_id="t"} 1 5006'],
  ]);
  target.answer = (_, response) => response.writeHead(500).end();
  await until(() => expect(requests().ended).toBe(true));
  target.answer = whole;
  await until(() => expect(requests().ended).toBe(false));
  await collector.reload(load(""));
  await until(() => expect(requests().ended).toBe(true));
  await collector.stop();
});
