// The collector on the real time series store: rows go stale, come back after a restart, and close.
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
import { TargetServer } from "./testing/target-server.ts";

let dir: string;
let target: TargetServer;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "collect-tsdb-"));
  target = await TargetServer.start();
});

afterEach(async () => {
  await target.stop();
  rmSync(dir, { recursive: true });
});

async function collectInto(tsdb: Tsdb, targets: string) {
  const file = path.join(dir, "prometheus.yml");
  const load = (list: string) => {
    writeFileSync(
      file,
      `scrape_configs: [{ job_name: j, scrape_interval: 50ms, static_configs: [{ targets: [${list}] }] }]`,
    );
    return loadPrometheusConfig(file, fileSources({}));
  };
  const collector = createCollector({
    store: {
      openRows: (_, key) => tsdb.openRows(key),
      append: (_, samples) => tsdb.append(samples),
      appendExemplars: (_, exemplars) => tsdb.appendExemplars(exemplars),
    },
    config: load(targets),
    clock: systemClock,
    logger: silentLogger,
    metrics: new Registry(),
  });
  collector.start();
  return { collector, reload: (list: string) => collector.reload(load(list)) };
}

/** The samples of one metric, staleness markers as "stale". */
function samples(tsdb: Tsdb, name: string): Array<number | "stale"> {
  const [series] = tsdb.select([new Matcher("=", "__name__", name)], 0, Date.now() + 1000);
  if (!series) return [];
  const values = Float64Array.from(series.values);
  // Copied by bits: a marker must not pass through a number.
  bitsOf(values).set(bitsOf(series.values.slice()));
  return [...values].map((value, i) => (isStaleAt(bitsOf(values), i) ? "stale" : value));
}

const until = (check: () => boolean) => vi.waitFor(() => expect(check()).toBe(true), { timeout: 10_000, interval: 20 });

test("values, staleness and restart on the real store", async () => {
  const open = () =>
    openTsdb({
      dataDir: path.join(dir, "data"),
      clock: systemClock,
      retention: { default: { name: "default", timeMs: 3_600_000 } },
    });
  let tsdb = await open();
  target.page = "a 1\nb 1\n";
  let { collector, reload } = await collectInto(tsdb, `'${target.address}'`);
  await until(() => samples(tsdb, "b").length > 2);
  target.page = "a 2\n";
  await until(() => samples(tsdb, "b").at(-1) === "stale" && samples(tsdb, "a").at(-1) === 2);
  target.answer = (_, response) => response.writeHead(500).end();
  await until(() => samples(tsdb, "up").at(-1) === 0 && samples(tsdb, "a").at(-1) === "stale");
  await collector.stop();
  await tsdb.close();

  tsdb = await open();
  expect(samples(tsdb, "b").filter((value) => value === 1).length).toBeGreaterThan(2);
  expect(samples(tsdb, "up").at(-1)).toBe(0);
  target.answer = (_, response) => response.end("a 3\n");
  ({ collector, reload } = await collectInto(tsdb, `'${target.address}'`));
  await until(() => samples(tsdb, "a").at(-1) === 3);
  await reload("");
  await until(() => samples(tsdb, "up").at(-1) === "stale" && samples(tsdb, "a").at(-1) === "stale");
  await collector.stop();
  await tsdb.close();
});
