// The queries of upstream's PromQL compliance tester, put to a real Prometheus and to Storewatch, which both scrape
// the same target. Prometheus 2 includes the left end of a range and 3 (as Storewatch) does not: no window of these
// queries begins at a sample.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { systemClock } from "../kernel/clock.ts";
import { type Peer, startPrometheus, startStorewatch, waitUntil } from "./compliance-peers.ts";
import { SAMPLE_STEP_MS, startTarget } from "./compliance-target.ts";
import type { Suite, SuiteReport } from "./suite.ts";
import { type Fields, isFields, items, type Value } from "./tables.ts";

const QUERIES = "compliance/promql-queries.json";
/** Samples lie at …7.0 s and steps at …7.4 s; subqueries look at whole multiples of 10 s. */
const SAMPLE_PHASE_MS = 7000;
const STEP_PHASE_MS = 400;
const FIRST_BACK_MS = 17 * 60_000;
const LAST_BACK_MS = 11 * 60_000;
/** Relative. Sums are compensated in 3 and not in 2. */
const TOLERANCE = 1e-9;

/** What Prometheus 3 does otherwise than 2 on purpose. */
const CHANGED: readonly { readonly query: RegExp; readonly reason: string }[] = [
  {
    query: /^label_(?:replace|join)\(.*"~invalid"/,
    reason: "label names may hold any UTF-8 since Prometheus 3.0, and Prometheus 2 refuses this one",
  },
];

interface Times {
  readonly start: string;
  readonly end: string;
  readonly step: string;
}

export const complianceSuite: Suite = {
  name: "compliance",
  needs: QUERIES,
  async run(dataDir, report) {
    const queries = JSON.parse(await readFile(path.join(dataDir, QUERIES), "utf8")) as readonly Fields[];
    const lastMs = Math.floor(systemClock.nowMs() / SAMPLE_STEP_MS) * SAMPLE_STEP_MS - SAMPLE_STEP_MS + SAMPLE_PHASE_MS;
    const target = await startTarget(lastMs);
    try {
      const prometheus = await startPrometheus(target.port);
      if (!prometheus) {
        for (const { query } of queries) report.skip(String(query), "needs Prometheus (Debian package prometheus)");
        return;
      }
      await withStorewatch(target.port, prometheus, queries, lastMs, report);
    } finally {
      target.close();
    }
  },
};

async function withStorewatch(
  targetPort: number,
  prometheus: Peer,
  queries: readonly Fields[],
  lastMs: number,
  report: SuiteReport,
): Promise<void> {
  try {
    const storewatch = await startStorewatch(targetPort);
    try {
      for (const [name, peer] of Object.entries({ prometheus, storewatch })) {
        await waitUntil(`${name} has scraped`, () => hasAll(peer, lastMs));
      }
      const seconds = (backMs: number) => ((lastMs - backMs + STEP_PHASE_MS) / 1000).toFixed(3);
      const times = { start: seconds(FIRST_BACK_MS), end: seconds(LAST_BACK_MS), step: "10" };
      for (const query of queries) await compare(query, times, prometheus, storewatch, report);
    } finally {
      await storewatch.stop();
    }
  } finally {
    await prometheus.stop();
  }
}

async function hasAll(peer: Peer, lastMs: number): Promise<boolean> {
  const parameters = { query: "count(demo_num_cpus)", time: String(lastMs / 1000) };
  return items(dataOf(await peer.ask("/api/v1/query", parameters))?.result).length === 1;
}

async function compare(
  { query, should_fail }: Fields,
  { start, end, step }: Times,
  prometheus: Peer,
  storewatch: Peer,
  report: SuiteReport,
): Promise<void> {
  const name = String(query);
  const changed = CHANGED.find((one) => one.query.test(name));
  if (changed) {
    report.skip(name, changed.reason);
    return;
  }
  for (const [pathname, parameters] of [
    ["/api/v1/query_range", { query: name, start, end, step }],
    ["/api/v1/query", { query: name, time: end }],
  ] as const) {
    const [wanted, got] = await Promise.all([prometheus, storewatch].map((peer) => peer.ask(pathname, parameters)));
    const wrong = difference(dataOf(wanted), dataOf(got), should_fail === true);
    if (wrong !== undefined) {
      report.fail(name, `${pathname}: ${wrong}: ${JSON.stringify(isData(got) ? "" : got).slice(0, 300)}`);
      return;
    }
  }
  report.pass(name);
}

function isData(reply: unknown): boolean {
  return dataOf(reply) !== undefined;
}

/** `data` of a good reply. */
function dataOf(reply: unknown): Fields | undefined {
  const fields = reply as Value;
  return isFields(fields) && fields.status === "success" && isFields(fields.data) ? fields.data : undefined;
}

function difference(wanted: Fields | undefined, got: Fields | undefined, shouldFail: boolean): string | undefined {
  if (!wanted || !got) {
    if (wanted || got) return wanted ? "refused here" : "refused by Prometheus";
    return shouldFail ? undefined : "refused by both";
  }
  if (shouldFail) return "answered, but meant to fail";
  if (wanted.resultType !== got.resultType) return `${String(got.resultType)} instead of ${String(wanted.resultType)}`;
  if (wanted.resultType === "scalar" || wanted.resultType === "string")
    return pointDifference(wanted.result, got.result);
  const left = new Map(items(got.result).map((series) => [labelsOf(series), series]));
  for (const series of items(wanted.result)) {
    const other = left.get(labelsOf(series));
    if (!other) return `${labelsOf(series)} is missing`;
    left.delete(labelsOf(series));
    const wrong = seriesDifference(pointsOf(series), pointsOf(other));
    if (wrong !== undefined) return `${labelsOf(series)}: ${wrong}`;
  }
  const extra = [...left.keys()];
  return extra.length > 0 ? `${extra[0]} is too much` : undefined;
}

function labelsOf(series: Value): string {
  const metric = isFields(series) && isFields(series.metric) ? series.metric : {};
  return JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function pointsOf(series: Value): readonly Value[] {
  if (!isFields(series)) return [];
  return series.value === undefined ? items(series.values) : [series.value];
}

function seriesDifference(wanted: readonly Value[], got: readonly Value[]): string | undefined {
  if (wanted.length !== got.length) return `${got.length} points instead of ${wanted.length}`;
  for (const [i, point] of wanted.entries()) {
    const wrong = pointDifference(point, got[i]);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function pointDifference(wanted: Value | undefined, got: Value | undefined): string | undefined {
  const [wantedTime, wantedText] = items(wanted);
  const [gotTime, gotText] = items(got);
  if (wantedTime !== gotTime) return `a point at ${String(gotTime)} instead of ${String(wantedTime)}`;
  if (wantedText === gotText) return undefined;
  const [a, b] = [Number(wantedText), Number(gotText)];
  if (Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b))) return undefined;
  return `${String(gotText)} instead of ${String(wantedText)} at ${String(wantedTime)}`;
}
