// The peers' table-driven template tests: Prometheus' functions (prom_template) and Alertmanager's (am_template).
import { readFileSync } from "node:fs";
import path from "node:path";
import type { LabelRecord } from "@storewatch/model";
import {
  alertmanagerFunctions,
  createTemplateSet,
  fromJson,
  notificationTemplateData,
  prometheusFunctions,
  type QueriedSample,
  TemplateError,
} from "../template/index.ts";
import type { Suite, SuiteReport } from "./suite.ts";

interface Table<C> {
  readonly func: string;
  readonly cases: ReadonlyArray<{ readonly case: C }>;
}

/** A mark that stands for a Go value which JSON cannot hold. */
class Inexpressible extends Error {}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const CONSTANTS: Readonly<Record<string, number | string>> = {
  "math.MaxInt64": 2 ** 63,
  "math.MinInt64": -(2 ** 63),
  "math.MaxUint64": 2 ** 64,
  "labels.MetricName": "__name__",
};

/** Evaluates the marks of a value: constants, and the few calls that the tables use. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const map = value as { readonly [key: string]: Json };
  if (typeof map.$go === "string") {
    const constant = CONSTANTS[map.$go];
    if (constant === undefined) throw new Inexpressible(map.$go);
    return constant;
  }
  if (typeof map.$call === "string") return called(map.$call, map.args);
  if (map.$type === "promql.Vector" || map.items) return plain(map.items ?? []);
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, item]) => (key === "$type" ? [] : [[key, plain(item)]])),
  );
}

function called(name: string, args: Json): Json {
  if (name === "make") return [];
  const given = (Array.isArray(args) ? args : []).map((arg) => plain(arg as Json));
  if (name === "math.Inf") return Number(given[0]) > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (name === "math.NaN") return Number.NaN;
  if (name === "labels.FromStrings") {
    const pairs = given.flatMap((item, i) => (i % 2 === 0 ? [[String(item), given[i + 1]] as const] : []));
    return Object.fromEntries(pairs);
  }
  throw new Inexpressible(name);
}

interface PrometheusCase {
  readonly text: string;
  readonly output?: Json;
  readonly input?: Json;
  readonly queryResult?: Json;
  readonly options?: Json;
  readonly html?: boolean;
  readonly shouldFail?: boolean;
}

function vectorOf(value: Json): QueriedSample[] {
  return (value as ReadonlyArray<{ F?: number; H?: Json; Metric?: LabelRecord }>).map(({ F, H, Metric }) => {
    if (H !== undefined) throw new Inexpressible("a native histogram");
    return { labels: Metric ?? {}, value: F ?? 0 };
  });
}

function runPrometheus(testCase: PrometheusCase): string {
  const answer = testCase.queryResult === undefined ? [] : vectorOf(plain(testCase.queryResult));
  const options = plain(testCase.options ?? null);
  const missingKey = Array.isArray(options) && options.includes("missingkey=error") ? "error" : "zero";
  const functions = prometheusFunctions({
    query: () => answer,
    externalUrl: "http://testhost:9090/path/prefix",
    nowMs: () => 1_353_755_652_000,
  });
  const input = testCase.input === undefined ? undefined : fromJson(plain(testCase.input));
  return createTemplateSet(functions, { missingKey }).execute("test", testCase.text, input, { html: testCase.html });
}

interface AlertmanagerCase {
  readonly title: string;
  readonly in: string;
  readonly exp?: string;
  readonly data?: Json;
  readonly html?: boolean;
  readonly fail?: boolean;
}

function runAlertmanager(testCase: AlertmanagerCase): string {
  const set = createTemplateSet(alertmanagerFunctions({ nowMs: () => Date.now() }));
  return set.execute("", testCase.in, alertmanagerData(testCase.data ?? null), { html: testCase.html });
}

function alertmanagerData(value: Json) {
  const data = plain(value);
  const isData = typeof value === "object" && value !== null && "$type" in value && value.$type === "Data";
  if (!isData) return fromJson(data);
  const fields = data as Record<string, LabelRecord | undefined> & { Alerts?: readonly Json[] };
  if (fields.Alerts) throw new Inexpressible("an alert whose label maps are nil");
  return notificationTemplateData({
    receiver: "",
    status: "resolved",
    alerts: [],
    groupLabels: fields.GroupLabels ?? {},
    commonLabels: fields.CommonLabels ?? {},
    commonAnnotations: fields.CommonAnnotations ?? {},
    externalUrl: "",
    groupKey: "",
    truncatedAlerts: 0,
    routeLabels: fields.RouteLabels ?? {},
  });
}

function judge(
  name: string,
  expected: { readonly fails: boolean; readonly output: Json },
  run: () => string,
  report: SuiteReport,
): void {
  try {
    const output = plain(expected.output);
    const got = run();
    if (expected.fails) report.fail(name, `meant to fail, got ${JSON.stringify(got)}`);
    else if (got === output) report.pass(name);
    else report.fail(name, `wanted ${JSON.stringify(output)}, got ${JSON.stringify(got)}`);
  } catch (error) {
    if (error instanceof Inexpressible) report.skip(name, `needs Go types: ${error.message}`);
    else if (!(error instanceof TemplateError)) throw error;
    else if (expected.fails) report.pass(name);
    else report.fail(name, error.message);
  }
}

function tables<C>(dataDir: string, file: string): readonly Table<C>[] {
  return JSON.parse(readFileSync(path.join(dataDir, "tables", file), "utf8")) as Table<C>[];
}

export const prometheusTemplatesSuite: Suite = {
  name: "template-functions-rules",
  needs: "tables/prom_template.json",
  async run(dataDir, report) {
    for (const table of tables<PrometheusCase>(dataDir, "prom_template.json")) {
      if (table.func !== "TestTemplateExpansion") continue;
      for (const { case: row } of table.cases) {
        const expected = { fails: row.shouldFail ?? false, output: row.output ?? "" };
        judge(row.text, expected, () => runPrometheus(row), report);
      }
    }
  },
};

export const alertmanagerTemplatesSuite: Suite = {
  name: "template-functions-notifications",
  needs: "tables/am_template.json",
  async run(dataDir, report) {
    for (const table of tables<AlertmanagerCase>(dataDir, "am_template.json")) {
      if (table.func !== "TestTemplateExpansion") continue;
      for (const { case: row } of table.cases) {
        judge(row.title, { fails: row.fail ?? false, output: row.exp ?? "" }, () => runAlertmanager(row), report);
      }
    }
  },
};
