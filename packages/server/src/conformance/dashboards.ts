// Every Grafana dashboard under DIR/dashboards imports without loss, and each target's expression is PromQL once the
// variables and macros are in.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  chooseValue,
  customOptions,
  type Dashboard,
  interpolateExpression,
  macroValues,
  normaliseDashboard,
  type Panel,
  parseMinInterval,
  parseVariableQuery,
  type Variable,
  type VariableOption,
  type VariableValue,
} from "@storewatch/model/dashboard";
import { parseExpression } from "@storewatch/promql/parser";
import type { Suite } from "./suite.ts";

export const dashboardsSuite: Suite = {
  name: "dashboards",
  needs: "dashboards",
  async run(dataDir, report) {
    const folder = join(dataDir, "dashboards");
    const files = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
    for (const file of files) {
      const problem = checkDashboard(await readFile(join(folder, file), "utf8"));
      if (problem === undefined) report.pass(file);
      else report.fail(file, problem);
    }
  },
};

/** The first thing that is lost or cannot be parsed; undefined when all is well. */
export function checkDashboard(text: string): string | undefined {
  let json: Json;
  let dashboard: Dashboard;
  try {
    json = JSON.parse(text) as Json;
    dashboard = normaliseDashboard(json);
  } catch (error) {
    return `does not import: ${error instanceof Error ? error.message : String(error)}`;
  }
  const original = isRecord(json.dashboard) ? json.dashboard : json;
  return compareImport(original, dashboard) ?? checkVariables(dashboard) ?? checkExpressions(dashboard);
}

type Json = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const records = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isRecord) : []);

function allPanels(panels: readonly Json[]): Json[] {
  return panels.flatMap((panel) => [panel, ...allPanels(records(panel.panels))]);
}

/** The panels of a file in any schema version, row panels left out: old files have `rows` instead. */
function sourcePanels(original: Json): Json[] {
  const rows = records(original.rows);
  return allPanels([...records(original.panels), ...rows.flatMap((row) => records(row.panels))]);
}

function compareImport(original: Json, dashboard: Dashboard): string | undefined {
  const withoutRows = (panels: readonly Json[]) => panels.filter((panel) => panel.type !== "row");
  const before = withoutRows(sourcePanels(original));
  const after = withoutRows(allPanels(dashboard.panels));
  if (before.length !== after.length) return `${before.length} panels, ${after.length} after the import`;
  const rowsBefore = sourcePanels(original).length - before.length;
  const rowsAfter = dashboard.panels.filter((panel) => panel.type === "row").length;
  if (rowsAfter < rowsBefore) return `${rowsBefore} rows, ${rowsAfter} after the import`;
  for (let i = 0; i < before.length; i++) {
    const lost = comparePanel(before[i], after[i]);
    if (lost) return `panel "${String(before[i].title)}": ${lost}`;
  }
  return compareVariables(original, dashboard);
}

function compareVariables(original: Json, dashboard: Dashboard): string | undefined {
  const before = isRecord(original.templating) ? records(original.templating.list) : [];
  const after = dashboard.templating.list;
  if (before.length !== after.length) return `${before.length} variables, ${after.length} after the import`;
  const lost = before.find((variable, i) => variable.name !== after[i].name || variable.type !== after[i].type);
  return lost && `variable ${String(lost.name)} changed`;
}

function comparePanel(before: Json, after: Json): string | undefined {
  if (before.title !== undefined && before.title !== null && before.title !== after.title) return "title changed";
  const lostKey = Object.keys(before).find((key) => before[key] !== null && after[key] === undefined);
  if (lostKey) return `lost "${lostKey}"`;
  const kept: Array<[string, unknown, unknown]> = [
    ["transformations", records(before.transformations), records(after.transformations)],
    [
      "targets",
      records(before.targets).map((target) => target.expr),
      records(after.targets).map((target) => target.expr),
    ],
  ];
  const overridesBefore = isRecord(before.fieldConfig) ? records(before.fieldConfig.overrides) : [];
  const overridesAfter = isRecord(after.fieldConfig) ? records(after.fieldConfig.overrides) : [];
  kept.push(["overrides", overridesBefore, overridesAfter.slice(0, overridesBefore.length)]);
  const changed = kept.find(([, was, is]) => !isDeepStrictEqual(was, is));
  return changed && `${changed[0]} changed`;
}

function checkVariables(dashboard: Dashboard): string | undefined {
  for (const variable of dashboard.templating.list) {
    if (variable.type !== "query") continue;
    const query = parseVariableQuery(variable.query);
    if (!query) return `variable ${variable.name}: cannot read "${variable.query}"`;
  }
  return undefined;
}

function checkExpressions(dashboard: Dashboard): string | undefined {
  const values = valuesOf(dashboard.templating.list);
  const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  for (const panel of panels) {
    for (const target of panel.targets) {
      if (!target.expr) continue;
      const expression = interpolateExpression(target.expr, withMacros(values, panel));
      try {
        parseExpression(expression);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return `panel "${panel.title}", query ${target.refId}: ${reason} in ${expression}`;
      }
    }
  }
  return undefined;
}

function withMacros(values: ReadonlyMap<string, VariableValue>, panel: Panel): Map<string, VariableValue> {
  const toMs = 1_700_000_000_000;
  const intervalMs = parseMinInterval(panel.interval) ?? 30_000;
  const macros = macroValues({ fromMs: toMs - 3_600_000, toMs, intervalMs, scrapeIntervalMs: 15_000 });
  return new Map([...macros, ...values]);
}

/** Query variables get values that need escaping; there is no database to ask. */
function valuesOf(variables: readonly Variable[]): Map<string, VariableValue> {
  const options = (variable: Variable): VariableOption[] => {
    if (variable.type === "custom" || variable.type === "interval") return customOptions(variable.query);
    return ["a.b:9100", 'c"d'].map((value) => ({ text: value, value }));
  };
  return new Map(
    variables.map((variable) => [variable.name, chooseValue(variable, options(variable), undefined).value]),
  );
}
