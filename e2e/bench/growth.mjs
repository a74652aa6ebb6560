// How cost grows with series, targets and tenants: whole process, steady state.
//   node growth.mjs [SECONDS]     default 45 for each row
import { round, startServer } from "./process.mjs";
import { ownMetric, scrapeConfig, startPages, steadyState } from "./scraped.mjs";

const measureS = Number(process.argv[2] ?? 45);
/** [series, targets, tenants, scrape interval in s] */
const ROWS = [
  [10_000, 10, 100, 5],
  [100_000, 10, 100, 5],
  [1_000_000, 10, 100, 15],
  [100_000, 1, 100, 5],
  [100_000, 100, 100, 5],
  [100_000, 10, 10, 5],
  [100_000, 10, 1000, 5],
  [100_000, 10, 10_000, 5],
];

console.log(
  "series | targets | tenants | interval s | creation µs/series | CPU-s per M samples | % of a core | RssAnon B/series",
);
for (const [series, targets, tenants, intervalS] of ROWS) {
  const pages = await startPages(targets, series / targets, tenants);
  const server = await startServer({
    "storewatch.yml": "metrics: { prometheus: prometheus.yml }\nauth: { anonymous: admin }\n",
    "prometheus.yml": scrapeConfig(pages.port, targets, `${intervalS}s`),
  });
  const warmS = intervalS * 2 + series / 50_000;
  const samples = () => ownMetric(server.url, "storewatch_samples_ingested_total");
  const state = await steadyState({ pid: server.pid, samples, warmS, measureS });
  await server.stop();
  pages.stop();
  const creationUs = (state.creationCpuS / series) * 1e6;
  const bytes = (state.anonMb * 2 ** 20) / series;
  const share = round(state.cpuShare * 100, 1);
  console.log(
    [
      series,
      targets,
      tenants,
      intervalS,
      round(creationUs, 1),
      round(state.cpuPerMillionS),
      share,
      Math.round(bytes),
    ].join(" | "),
  );
}
