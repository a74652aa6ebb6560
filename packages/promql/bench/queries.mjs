// CPU of the queries that dashboards ask most, on synthetic data in memory, over the built package.
// Prometheus 2.42 on data of the same shape: 117 ms for the sum of rates, 435 ms for the quantile (CPU of its process,
// reading its head and writing JSON included; this measures the engine alone).
import { performance } from "node:perf_hooks";
import { Labels } from "@storewatch/model";
import { createEngine } from "@storewatch/promql/engine";
import { seededRandom } from "@storewatch/testkit";

const STEPS = 241;
const STEP_MS = 15_000;
const WINDOW_MS = 300_000;
const START_MS = 1_700_000_000_000;
const ROUNDS = 20;
const BOUNDS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"];

/** Counters scraped every 15 s, one in 2,000 samples a reset. `targets` share their times among their series. */
function counters(count, targets, labelsOf, seed) {
  const random = seededRandom(seed);
  const samples = STEPS + WINDOW_MS / STEP_MS;
  const times = Array.from({ length: targets }, (_, target) =>
    Float64Array.from({ length: samples }, (_, i) => START_MS - WINDOW_MS + i * STEP_MS + 137 * (target + 1)),
  );
  return Array.from({ length: count }, (_, i) => {
    const values = new Float64Array(samples);
    let value = 0;
    for (let s = 0; s < samples; s++) {
      value = random() < 0.0005 ? 0 : value + Math.floor(random() * 20);
      values[s] = value;
    }
    return { labels: labelsOf(i), timesMs: times[Math.floor((i * targets) / count)], values };
  });
}

const requests = counters(
  2336,
  4,
  (i) => Labels.from({ __name__: "http_requests_total", tenant_id: `t${i % 40}`, route: `r${i}`, job: "shop" }),
  1,
);
const buckets = counters(
  5840,
  4,
  (i) =>
    Labels.from({
      __name__: "http_request_duration_seconds_bucket",
      tenant_id: `t${Math.floor(i / 10) % 40}`,
      route: `r${Math.floor(i / 400)}`,
      le: BOUNDS[i % 10],
    }),
  2,
);

/** As many histograms as the classic ones have, each with some 40 exponential buckets. */
const natives = counters(
  584,
  4,
  (i) => Labels.from({ __name__: "latency", tenant_id: `t${i % 40}`, route: `r${i}` }),
  3,
).map((series, i) => ({
  ...series,
  values: series.values.map(() => Number.NaN),
  histograms: histogramsOf(series.values, i),
}));

/** Continuous counters: what a reset costs is measured with floats. */
function histogramsOf({ length }, seed) {
  const random = seededRandom(seed);
  const buckets = new Array(40).fill(0);
  let count = 0;
  let sum = 0;
  return Array.from({ length }, () => {
    for (let i = 0; i < 20; i++) {
      const at = Math.floor((random() + random()) * 20);
      buckets[at]++;
      count++;
      sum += 2 ** (at / 8 - 3);
    }
    return {
      schema: 3,
      count,
      sum,
      zeroThreshold: 0,
      zeroCount: 0,
      positiveSpans: [{ offset: -24, length: 40 }],
      positiveBuckets: [...buckets],
      negativeSpans: [],
      negativeBuckets: [],
      customValues: [],
      counterReset: "unknown",
    };
  });
}

const engine = createEngine({ clock: { monotonicMs: () => performance.now() } });
const range = (data, expression) =>
  engine.range({ select: () => data }, { expression }, START_MS, START_MS + (STEPS - 1) * STEP_MS, STEP_MS);
const instant = (data, expression) =>
  engine.instant({ select: () => data }, { expression }, START_MS + (STEPS - 1) * STEP_MS);

async function measure(name, query) {
  for (let i = 0; i < 5; i++) await query();
  const times = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.cpuUsage();
    await query();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  times.sort((a, b) => a - b);
  const [least, median] = [times[0], times[ROUNDS / 2]];
  console.log(`${name}: ${median.toFixed(1)} ms CPU (median of ${ROUNDS}), least ${least.toFixed(1)}`);
}

await measure("sum by (tenant_id)(rate(x[5m])), 2,336 series x 241 steps", () =>
  range(requests, "sum by (tenant_id)(rate(http_requests_total[5m]))"),
);
await measure("histogram_quantile(0.95, sum by (le,tenant_id)(rate(b[5m]))), 5,840 series x 241 steps", () =>
  range(buckets, "histogram_quantile(0.95, sum by (le,tenant_id)(rate(http_request_duration_seconds_bucket[5m])))"),
);
await measure("histogram_quantile(0.95, sum by (tenant_id)(rate(h[5m]))), 584 native histograms x 241 steps", () =>
  range(natives, "histogram_quantile(0.95, sum by (tenant_id)(rate(latency[5m])))"),
);
await measure("rate(x[5m]) alone, 2,336 series x 241 steps", () => range(requests, "rate(http_requests_total[5m])"));
await measure("max_over_time(x[5m]), 2,336 series x 241 steps", () =>
  range(requests, "max_over_time(http_requests_total[5m])"),
);
await measure("x / on (route) group_left x, 2,336 series x 241 steps", () =>
  range(requests, "http_requests_total / on (route) group_left () http_requests_total"),
);
await measure("sum by (tenant_id)(rate(x[5m])), 2,336 series, instant", () =>
  instant(requests, "sum by (tenant_id)(rate(http_requests_total[5m]))"),
);

/** 3 days of gauges, a sample every 15 s. */
const DAY_MS = 86_400_000;
const random = seededRandom(3);
const longTimes = Float64Array.from({ length: (3 * DAY_MS) / STEP_MS }, (_, i) => START_MS - 2 * DAY_MS + i * STEP_MS);
const gauges = Array.from({ length: 20 }, (_, i) => ({
  labels: Labels.from({ __name__: "gauge", i: String(i) }),
  timesMs: longTimes,
  values: longTimes.map(() => random()),
}));
await measure("max_over_time(x[1d]), 20 series x 241 steps of 6 min", () =>
  engine.range(
    { select: () => gauges },
    { expression: "max_over_time(gauge[1d])" },
    START_MS,
    START_MS + DAY_MS,
    360_000,
  ),
);
