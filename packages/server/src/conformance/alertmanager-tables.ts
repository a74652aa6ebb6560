// Alertmanager's table tests: matchers, routes, inhibition, silences, time intervals, dedup, receivers, configuration.
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { LabelRecord, Matcher } from "@storewatch/model";
import { Matcher as MatcherClass } from "@storewatch/model";
import { loadAlertmanagerConfig, type Route } from "../alerts/config/index.ts";
import { matchRoutes } from "../alerts/dispatcher.ts";
import { parseClassicMatchers } from "../alerts/matchers/classic.ts";
import { type MatcherJson, matcherJson, matcherText } from "../alerts/matchers/parse.ts";
import { parseUtf8Matchers } from "../alerts/matchers/utf8.ts";
import { matcherFromJson } from "../alerts/silences.ts";
import { ConfigError, parseConfigDocument } from "../config/document.ts";
import { CONFIG_TABLES } from "./alertmanager-tables-config.ts";
import { TIMING_TABLES } from "./alertmanager-tables-timing.ts";
import {
  type CaseCheck,
  type CaseContext,
  type Cell,
  durationMs,
  isCell,
  items,
  matcherCall,
  matchersInSource,
  operatorOf,
  plainRecord,
  type Table,
  Unsupported,
} from "./alertmanager-values.ts";
import type { Suite, SuiteReport } from "./suite.ts";

const FILES = [
  "am_matcher_parse",
  "am_route",
  "am_inhibit",
  "am_silence",
  "am_timeinterval",
  "am_notify",
  "am_receivers",
  "am_config",
];

function attempt<T>(make: () => T): T | Error {
  try {
    return make();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function compareParse(
  parse: (input: string) => Matcher[],
  cell: Cell,
  wanted: readonly Matcher[],
  error: unknown,
): string | undefined {
  const got = attempt(() => parse(String(cell.input)));
  if (error) {
    if (!(got instanceof Error)) return `accepted, should fail: ${String(error)}`;
    // The engine of regular expressions has its own words.
    const isSame = got.message === error || String(error).startsWith("error parsing regexp");
    return isSame ? undefined : `fails with ${JSON.stringify(got.message)}, not ${JSON.stringify(error)}`;
  }
  if (got instanceof Error) return `refused: ${got.message}`;
  const text = (list: readonly Matcher[]) => list.map(matcherText).join(",");
  return text(got) === text(wanted) ? undefined : `read as ${text(got)}, not ${text(wanted)}`;
}

const expectedMatchers = (cell: Cell) => {
  if (!cell.expected) return [];
  return isCell(cell.expected) && cell.expected.items
    ? items(cell.expected).map(matcherCall)
    : [matcherCall(cell.expected)];
};

const MATCHER_TABLES: Readonly<Record<string, CaseCheck>> = {
  "matcher/parse/parse_test.go TestMatchers": (cell) =>
    compareParse(parseUtf8Matchers, cell, expectedMatchers(cell), cell.error),
  "matcher/parse/parse_test.go TestMatcher": (cell) =>
    compareParse(parseUtf8Matchers, cell, expectedMatchers(cell), cell.error),
  "matcher/compliance/compliance_test.go TestCompliance": (cell) => {
    if (cell.skip) throw new Unsupported("upstream skips it: the two syntaxes differ here");
    const got = attempt(() => parseUtf8Matchers(String(cell.input)));
    if (cell.err) return got instanceof Error ? undefined : "accepted, should fail";
    return compareParse(parseUtf8Matchers, cell, matchersInSource(cell.want), undefined);
  },
  "pkg/labels/parse_test.go TestMatchers": (cell) =>
    compareParse(parseClassicMatchers, cell, matchersInSource(cell.want), cell.err),
  "pkg/labels/matcher_test.go TestMatcher": (cell) =>
    matcherCall(cell.matcher).matches(String(cell.value)) === cell.match ? undefined : `should be ${cell.match}`,
  "pkg/labels/matcher_test.go TestMatcherString": (cell) => {
    const text = matcherText(new MatcherClass(operatorOf(cell.op), String(cell.name), String(cell.value)));
    return text === cell.want ? undefined : `prints ${text}`;
  },
  "pkg/labels/matcher_test.go TestMatcherJSONMarshal": (cell) => {
    const json = JSON.stringify(
      matcherJson(new MatcherClass(operatorOf(cell.op), String(cell.name), String(cell.value))),
    );
    return json === cell.want ? undefined : `gives ${json}`;
  },
  "pkg/labels/matcher_test.go TestMatcherJSONUnmarshal": (cell) => {
    const json = { isEqual: true, ...(JSON.parse(String(cell.want)) as object) } as MatcherJson;
    const wanted = new MatcherClass(operatorOf(cell.op), String(cell.name), String(cell.value));
    const got = matcherText(matcherFromJson(json));
    return got === matcherText(wanted) ? undefined : `reads ${got}`;
  },
};

async function treeOf({ func, dataDir }: CaseContext): Promise<Route> {
  const trees = JSON.parse(await readFile(path.join(dataDir, "tables/am_route.trees.json"), "utf8")) as Record<
    string,
    string
  >;
  const tree = trees[func];
  const names = new Set([...tree.matchAll(/receiver: ['"]?([\w-]+)/g)].map(([, name]) => name));
  const route = tree
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
  const receivers = [...names].map((name) => `- name: ${name}`).join("\n");
  return loadAlertmanagerConfig(parseConfigDocument(func, `route:\n${route}\nreceivers:\n${receivers}\n`)).config.route;
}

const DEFAULT_MS: Readonly<Record<string, number>> = {
  GroupWait: 30_000,
  GroupInterval: 300_000,
  RepeatInterval: 14_400_000,
};

function wantedMs(result: Cell, key: string): number {
  const value = result[key];
  return isCell(value) && String(value.$go).startsWith("def.") ? DEFAULT_MS[key] : durationMs(value);
}

function routeProblem(route: Route, result: Cell): string | undefined {
  if (route.receiver !== result.Receiver) return `receiver ${route.receiver}, not ${String(result.Receiver)}`;
  const timings = {
    GroupWait: route.groupWaitMs,
    GroupInterval: route.groupIntervalMs,
    RepeatInterval: route.repeatIntervalMs,
  };
  for (const [key, got] of Object.entries(timings)) {
    if (got !== wantedMs(result, key)) return `${key} ${got} ms, not ${wantedMs(result, key)} ms`;
  }
  if ((route.groupBy === "all") !== (result.GroupByAll ?? false)) return "group by all differs";
  const wanted = isCell(result.GroupBy) && result.GroupBy.$call === "lset" ? items(result.GroupBy.args) : [];
  const got = route.groupBy === "all" ? [] : [...route.groupBy];
  return got.sort().join() === [...wanted].sort().join() ? undefined : `grouped by ${got.join()}, not ${wanted.join()}`;
}

const checkRoute: CaseCheck = async (cell, context) => {
  const routes = matchRoutes(await treeOf(context), plainRecord(cell.input));
  const keys = routes.map((route) => route.key);
  if (JSON.stringify(keys) !== JSON.stringify(cell.keys)) return `keys ${JSON.stringify(keys)}`;
  const results = items(cell.result);
  if (results.length !== routes.length) return `${routes.length} routes, not ${results.length}`;
  return routes.map((route, i) => routeProblem(route, results[i] as Cell)).find(Boolean);
};

const ROUTE_TABLES: Readonly<Record<string, CaseCheck>> = {
  "dispatch/route_test.go TestRouteMatch": checkRoute,
  "dispatch/route_test.go TestRouteMatchers": checkRoute,
  "dispatch/route_test.go TestRouteMatchersAndMatch": checkRoute,
  "dispatch/route_test.go TestRouteLabelsLoading": async (cell, context) => {
    const [route] = matchRoutes(await treeOf(context), plainRecord(cell.input));
    return sameRecord(route.labels, plainRecord(cell.expectedRouteLabels))
      ? undefined
      : `labels ${JSON.stringify(route.labels)}`;
  },
};

function sameRecord(a: LabelRecord, b: LabelRecord): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((name) => a[name] === b[name]);
}

const TABLES: Readonly<Record<string, CaseCheck>> = {
  ...MATCHER_TABLES,
  ...ROUTE_TABLES,
  ...TIMING_TABLES,
  ...CONFIG_TABLES,
};

export const alertmanagerTablesSuite: Suite = {
  name: "alertmanager-tables",
  needs: "tables",
  async run(dataDir, report) {
    for (const name of FILES) {
      const tables = await readFile(path.join(dataDir, "tables", `${name}.json`), "utf8").then(
        (text) => JSON.parse(text) as Table[],
        () => [],
      );
      for (const table of tables) await runTable(table, dataDir, report);
    }
  },
};

async function runTable(table: Table, dataDir: string, report: SuiteReport): Promise<void> {
  const check = TABLES[`${table.file.replace(/^am\//, "")} ${table.func}`];
  for (const { case: cell, line, key } of table.cases) {
    const name =
      `${table.file}:${line} ${table.func} ${String(cell.name ?? cell.title ?? key ?? cell.input ?? "")}`.trim();
    if (!check) {
      report.skip(name, "tests parts of the Go program that have no counterpart here");
      continue;
    }
    try {
      const problem = await check(cell, { func: table.func, dataDir });
      if (problem === undefined) report.pass(name);
      else report.fail(name, problem);
    } catch (error) {
      if (error instanceof Unsupported) report.skip(name, error.message);
      else report.fail(name, error instanceof ConfigError || error instanceof Error ? error.message : String(error));
    }
  }
}
