// A multi-tenant shop's series in a real store: 10 targets of about 10,000 series, 73 shops each, in the proportions of a
// real shop (8 route pairs x 4 status counters, 8 histograms of 12 series, 4 order counters, 4 others for each shop).
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Labels } from "@storewatch/model";
import { openTsdb } from "@storewatch/tsdb";

const TENANTS = 73;
const PAIRS = [
  ["GET", "/"],
  ["GET", "/products"],
  ["GET", "/products/:id"],
  ["GET", "/cart"],
  ["POST", "/cart"],
  ["POST", "/checkout"],
  ["GET", "/orders/:id"],
  ["POST", "/payments"],
];
const STATUS = ["200", "404", "401", "500"];
const BOUNDS = ["0.1", "0.3", "0.5", "0.7", "1", "3", "5", "7", "10", "+Inf"];
const SHARE = [0.55, 0.8, 0.9, 0.94, 0.965, 0.985, 0.993, 0.997, 0.999, 1];

export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A clock that stands where it is put. */
export function benchClock(startMs) {
  return {
    now: startMs,
    nowMs() {
      return this.now;
    },
    monotonicMs: () => performance.now(),
    setTimer(ms, call) {
      const timer = setTimeout(call, ms);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

/** What a target's page holds: label sets, and how much each value grows in a scrape. */
function page(instance) {
  const series = [];
  const add = (name, labels, growth) =>
    series.push([Labels.from({ ...labels, __name__: name, instance, job: "shop" }), growth]);
  for (let t = 0; t < TENANTS; t++) {
    const tenant_id = `tenant-${String(t + 1).padStart(4, "0")}`;
    const traffic = 40 / (t + 2);
    for (const [method, route] of PAIRS) {
      for (const status_code of STATUS) {
        add(
          "http_requests_total",
          { tenant_id, method, route, status_code },
          status_code === "200" ? traffic : traffic / 50,
        );
      }
      for (const [i, le] of BOUNDS.entries())
        add("http_request_duration_seconds_bucket", { tenant_id, method, route, le }, traffic * SHARE[i]);
      add("http_request_duration_seconds_sum", { tenant_id, method, route }, traffic / 3);
      add("http_request_duration_seconds_count", { tenant_id, method, route }, traffic);
    }
    for (const status of ["created", "paid", "shipped", "cancelled"]) add("orders_total", { tenant_id, status }, 0.3);
    for (const currency of ["USD", "VND"]) add("revenue_total", { tenant_id, currency }, 40);
    add("conversion_rate", { tenant_id }, 0);
    add("cart_abandonment_rate", { tenant_id }, 0);
  }
  for (const state of ["active", "idle", "waiting"]) add("pg_stat_activity_count", { state }, 0);
  for (const name of ["MemTotal", "MemAvailable"]) add(`node_memory_${name}_bytes`, {}, 0);
  for (const mountpoint of ["/", "/data"]) {
    add("node_filesystem_avail_bytes", { mountpoint }, 0);
    add("node_filesystem_size_bytes", { mountpoint }, 0);
  }
  return series;
}

/** Scrapes `scrapes` times every `intervalMs`, up to the clock's time. */
export async function openShop(clock, { targets = 10, scrapes, intervalMs }) {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), "storewatch-bench-"));
  const tsdb = await openTsdb({ dataDir, clock, retention: { default: { name: "default", timeMs: 30 * 86_400_000 } } });
  const random = seeded(7);
  const rows = Array.from({ length: targets }, (_, i) => {
    const instance = `shop-${i}:9100`;
    const series = page(instance);
    const writer = tsdb.openRows(`shop/${instance}`);
    const columns = series.map(([labels]) => writer.column(labels));
    const values = Float64Array.from(series, () => Math.floor(1e7 * random()));
    return { writer, columns, values, growth: series.map(([, growth]) => growth) };
  });
  const endMs = clock.now;
  for (let s = scrapes - 1; s >= 0; s--) {
    for (const [i, { writer, columns, values, growth }] of rows.entries()) {
      clock.now = endMs - s * intervalMs - i * 100;
      writer.begin();
      const { row, base } = writer;
      for (let c = 0; c < columns.length; c++) {
        values[c] += Math.floor(2 * random() * growth[c] + random());
        row[base + columns[c]] = values[c];
      }
      writer.commit(clock.now);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  clock.now = endMs;
  return {
    tsdb,
    series: rows.reduce((sum, { columns }) => sum + columns.length, 0),
    async close() {
      await tsdb.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
