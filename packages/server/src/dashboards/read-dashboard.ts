// Dashboard JSON from files: every problem with file, line and column.
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Finding } from "@storewatch/model";
import { normaliseDashboard } from "@storewatch/model/dashboard";
import { jsonErrorPosition } from "./json-position.ts";
import { DASHBOARD_UID } from "./persistence.ts";

export type DashboardJson = Readonly<Record<string, unknown>>;

export interface DashboardFile {
  readonly file: string;
  readonly uid: string;
  readonly dashboard: DashboardJson;
}

export interface ReadResult {
  readonly dashboards: readonly DashboardFile[];
  readonly findings: readonly Finding[];
}

/** Reads a file or, in a folder and its folders, every *.json. */
export function readDashboardPath(place: string): ReadResult {
  let files: string[];
  try {
    files = statSync(place).isDirectory() ? jsonFilesUnder(place) : [place];
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file or folder" : String(error);
    return { dashboards: [], findings: [problem(place, 1, 1, "DASHBOARD_FILE", reason)] };
  }
  const results = files.map((file) => readDashboardText(file, readFileSync(file, "utf8")));
  return {
    dashboards: results.flatMap((result) => result.dashboards),
    findings: results.flatMap((result) => result.findings),
  };
}

/** One dashboard's text: plain, or in the API's `{"dashboard": {…}}` wrapper. */
export function readDashboardText(file: string, text: string): ReadResult {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    const { line, column } = jsonErrorPosition(text) ?? { line: 1, column: 1 };
    return { dashboards: [], findings: [problem(file, line, column, "JSON", "not valid JSON from here on")] };
  }
  const dashboard = unwrapDashboard(data);
  const reason = dashboard ? dashboardProblem(dashboard) : "expected an object with a dashboard";
  if (!dashboard || reason !== undefined) {
    return { dashboards: [], findings: [problem(file, 1, 1, "DASHBOARD", reason ?? "")] };
  }
  const given = dashboard.uid;
  const uid = typeof given === "string" && DASHBOARD_UID.test(given) ? given : uidFromFile(file);
  return { dashboards: [{ file, uid, dashboard: { ...dashboard, uid } }], findings: [] };
}

/** `{"dashboard": {…}}` or the dashboard itself; undefined when it is neither. */
export function unwrapDashboard(data: unknown): DashboardJson | undefined {
  if (!isObject(data)) return undefined;
  return isObject(data.dashboard) ? data.dashboard : data;
}

/** Why this is no dashboard; undefined when it is one. */
export function dashboardProblem(dashboard: DashboardJson): string | undefined {
  if (typeof dashboard.title !== "string" || dashboard.title.trim() === "") return "a dashboard needs a title";
  try {
    normaliseDashboard(dashboard);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function jsonFilesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json") && !path.basename(name).startsWith("."))
    .sort()
    .map((name) => path.join(directory, name));
}

/** Grafana's own rule for names without a uid would be a random one; a file needs the same one at every start. */
function uidFromFile(file: string): string {
  const name = path.basename(file, ".json").replaceAll(/[^A-Za-z0-9_-]+/g, "-");
  return name.slice(0, 40) || "dashboard";
}

function problem(file: string, line: number, column: number, code: string, message: string): Finding {
  return { code, severity: "error", file, line, column, message };
}
