// Template suites: the oracle's rows (computed by the real engine) and the peers' own tables.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { LabelRecord, NotificationData } from "@storewatch/model";
import {
  alertmanagerFunctions,
  createTemplateSet,
  fromJson,
  notificationTemplateData,
  TemplateError,
  type TemplateSet,
} from "../template/index.ts";
import type { Suite, SuiteReport } from "./suite.ts";

interface OracleRow {
  readonly name: string;
  readonly kind: "am" | "go";
  readonly in: string;
  readonly html?: boolean;
  readonly data: unknown;
  readonly exp?: string;
  readonly err?: string;
}

interface OracleNotification {
  readonly receiver: string;
  readonly status: "firing" | "resolved";
  readonly alerts: ReadonlyArray<{
    readonly status: "firing" | "resolved";
    readonly labels: LabelRecord;
    readonly annotations: LabelRecord;
    readonly startsAt: string;
    readonly endsAt: string;
    readonly generatorURL: string;
    readonly fingerprint: string;
  }>;
  readonly groupLabels: LabelRecord;
  readonly commonLabels: LabelRecord;
  readonly commonAnnotations: LabelRecord;
  readonly externalURL: string;
}

const ZERO_TIME = "0001-01-01T00:00:00Z";

function notificationOf(data: OracleNotification): NotificationData {
  const time = (text: string) => (text === ZERO_TIME ? 0 : Date.parse(text));
  return {
    receiver: data.receiver,
    status: data.status,
    alerts: data.alerts.map((alert) => ({
      status: alert.status,
      labels: alert.labels,
      annotations: alert.annotations,
      startsAtMs: time(alert.startsAt),
      endsAtMs: time(alert.endsAt),
      generatorUrl: alert.generatorURL,
      fingerprint: alert.fingerprint,
    })),
    groupLabels: data.groupLabels,
    commonLabels: data.commonLabels,
    commonAnnotations: data.commonAnnotations,
    externalUrl: data.externalURL,
    groupKey: "",
    truncatedAlerts: 0,
  };
}

/** Runs a template; the error's text where it failed as a template may. */
function outcome(run: () => string): { text: string } | { error: string } {
  try {
    return { text: run() };
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message };
    throw error;
  }
}

function judge(row: OracleRow, result: { text: string } | { error: string }, report: SuiteReport): void {
  if (row.err !== undefined) {
    if ("error" in result) report.pass(row.name);
    else report.fail(row.name, `${row.in}\nwanted the error ${row.err}\ngot ${JSON.stringify(result.text)}`);
  } else if ("error" in result) report.fail(row.name, `${row.in}\nerror: ${result.error}`);
  else if (result.text === row.exp) report.pass(row.name);
  else report.fail(row.name, `${row.in}\nwanted ${JSON.stringify(row.exp)}\ngot    ${JSON.stringify(result.text)}`);
}

function oracleSuite(name: string, html: boolean): Suite {
  return {
    name,
    needs: "templates/oracle.jsonl",
    async run(dataDir, report) {
      const folder = path.join(dataDir, "templates");
      // The oracle is Go 1.19, which does not know `range` over a number.
      const functions = alertmanagerFunctions({ nowMs: () => Date.now() });
      const forNotifications = createTemplateSet(functions, { rangeOverNumbers: false });
      const defaults = path.join(folder, "default-0.25.tmpl");
      if (existsSync(defaults)) forNotifications.add("default.tmpl", readFileSync(defaults, "utf8"));
      const plain = createTemplateSet({}, { missingKey: "default", rangeOverNumbers: false });
      const lines = readFileSync(path.join(folder, "oracle.jsonl"), "utf8")
        .split("\n")
        .filter((line) => line !== "");
      for (const line of lines) {
        const row = JSON.parse(line) as OracleRow;
        if ((row.html ?? false) === html) judge(row, runRow(row, row.kind === "am" ? forNotifications : plain), report);
      }
    },
  };
}

function runRow(row: OracleRow, set: TemplateSet): { text: string } | { error: string } {
  // The oracle is Alertmanager 0.25, which prints label sets as Go prints maps.
  const data =
    row.kind === "am"
      ? notificationTemplateData(notificationOf(row.data as OracleNotification), { pairText: "map" })
      : fromJson(row.data);
  return outcome(() => set.execute(row.kind === "am" ? "" : "t", row.in, data, { html: row.html }));
}

export const templatesSuite: Suite = oracleSuite("templates", false);
export const htmlTemplatesSuite: Suite = oracleSuite("templates-html", true);
