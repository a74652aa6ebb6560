// Tables about the configuration file and about what receivers send and make of answers.
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { NotificationData } from "@storewatch/model";
import { type AlertmanagerConfig, loadAlertmanagerConfig } from "../alerts/config/index.ts";
import { splitHostPort } from "../alerts/config/text-checks.ts";
import { ConfigError, parseConfigDocument } from "../config/document.ts";
import { composeMail, usesImplicitTls } from "../notify/email/email.ts";
import { loadTemplates } from "../notify/index.ts";
import { errorDetails, pagerDutyDetails } from "../notify/pagerduty/pagerduty.ts";
import { createIntegration } from "../notify/registry.ts";
import { createRenderer } from "../notify/renderer.ts";
import { slackVerdict } from "../notify/slack/slack.ts";
import { type CaseCheck, type Cell, goName, goText, isCell, plainRecord, Unsupported } from "./alertmanager-values.ts";

/** The messages of all errors, or the configuration. */
function load(text: string): AlertmanagerConfig | string {
  try {
    return loadAlertmanagerConfig(parseConfigDocument("case.yml", text)).config;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

function compareError(text: string, wanted: string | undefined): string | undefined {
  const got = load(text);
  if (!wanted) return typeof got === "string" ? `refused: ${got}` : undefined;
  if (typeof got !== "string") return `accepted, should be: ${wanted}`;
  return got.includes(wanted) ? undefined : `${got}, should be: ${wanted}`;
}

function fileWith(kind: string, body: string, global = ""): string {
  const item = body
    .trim()
    .split("\n")
    .map((line, i) => `${i === 0 ? "    - " : "      "}${line}`)
    .join("\n");
  return `${global}\nroute:\n  receiver: r\nreceivers:\n- name: r\n  ${kind}_configs:\n${item}\n`;
}

const GLOBAL_SMTP = "global:\n  smtp_smarthost: localhost:25\n  smtp_from: a@example.org";
const GLOBAL_SLACK = "global:\n  slack_api_url: https://hooks.example.org/x";

const CONFIG: Readonly<Record<string, CaseCheck>> = {
  "config/config_test.go TestEmptyConfigOfIntegration": (cell) => {
    const kind = String(cell.integration).replace(/_configs$/, "");
    return compareError(fileWith(kind, ""), String(cell.expectedErr));
  },
  "config/config_test.go TestUnmarshalHostPort": (cell) => {
    const got = splitHostPort(JSON.parse(String(cell.in)) as string);
    if (cell.err) return got ? "accepted, should fail" : undefined;
    const want = cell.exp as Cell;
    return got?.host === want.Host && String(got?.port) === want.Port ? undefined : JSON.stringify(got);
  },
  "config/config_test.go TestNilRegexp": async (cell, { dataDir }) => {
    const file = path.join(dataDir, "alertmanager/config", path.basename(String(cell.file)));
    const text = await readFile(file, "utf8").catch(() => {
      throw new Unsupported("file not present");
    });
    return compareError(text, String(cell.errMsg));
  },
  "config/config_test.go TestSecretTemplURL": (cell) => {
    const url = JSON.parse(String(cell.input)) as string;
    if (url === "") throw new Unsupported("an empty URL is refused where a receiver needs one");
    return compareError(
      fileWith("webhook", `url: ${JSON.stringify(url)}`),
      cell.expectError ? String(cell.errorMsg) : undefined,
    );
  },
  "config/notifiers_test.go TestSlackAuthMethodConfigValidation": (cell) =>
    compareError(fileWith("slack", String(cell.in)), String(cell.expectedErr)),
  "config/notifiers_test.go TestSlackFieldConfigValidation": (cell) =>
    compareError(fileWith("slack", String(cell.in), GLOBAL_SLACK), String(cell.expected)),
  "config/notifiers_test.go TestEmailConfig_UnmarshalYAML": (cell) => {
    const wanted = isCell(cell.expected) ? String((cell.expected.args as unknown[])[0]) : undefined;
    return compareError(fileWith("email", String(cell.in), GLOBAL_SMTP), wanted);
  },
};

const DATA: NotificationData = {
  receiver: "r",
  status: "firing",
  alerts: [],
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalUrl: "http://alerts.example",
  groupKey: "{}:{}",
  truncatedAlerts: 0,
};
const NOW_MS = Date.UTC(2026, 0, 1);
const clock = { nowMs: () => NOW_MS, monotonicMs: () => 0, setTimer: () => ({ cancel() {} }) };

/** The one integration of a file. */
function integrationOf<K extends string>(kind: K, text: string) {
  const config = load(text);
  if (typeof config === "string") throw new Error(config);
  const found = config.receivers[0].integrations.find((integration) => integration.kind === kind);
  if (!found) throw new Error(`no ${kind} integration`);
  return found;
}

function emailOf(body = "to: b@example.org") {
  const found = integrationOf("email", fileWith("email", body, GLOBAL_SMTP));
  if (found.kind !== "email") throw new Error("no e-mail integration");
  return found;
}

const STATUS: Readonly<Record<string, number>> = {
  StatusOK: 200,
  StatusSwitchingProtocols: 101,
  StatusTemporaryRedirect: 307,
  StatusBadRequest: 400,
  StatusInternalServerError: 500,
  StatusTooManyRequests: 429,
};
/** `cfg.Name = "…"` in the source of a change; the fields that tables change. */
const ASSIGNMENT = /cfg\.(From|To|Text|HTML) = (`[^`]*`|"(?:[^"\\]|\\.)*")/;
const FIELD: Readonly<Record<string, string>> = { From: "from", To: "to", Text: "text", HTML: "html" };

/** The configuration of a case as the file has it. */
function pagerDutyFile(config: Cell): string {
  const key = isCell(config.RoutingKey) ? (config.RoutingKey.args as unknown[])[0] : undefined;
  const lower = (list: unknown) =>
    (Array.isArray(list) ? list : []).map((item: Cell) =>
      Object.fromEntries(Object.entries(item).map(([name, value]) => [name.toLowerCase(), value])),
    );
  const body = {
    routing_key: key,
    details: config.Details ?? {},
    images: lower(config.Images),
    links: lower(config.Links),
    // Upstream's tests set none of what has a default.
    client: "c",
    client_url: "u",
    description: "d",
  };
  const lines = Object.entries(body).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return fileWith("pagerduty", lines.join("\n"));
}

const PAGERDUTY: Readonly<Record<string, CaseCheck>> = {
  "notify/pagerduty/pagerduty_test.go TestPagerDutyTemplating": async (cell) => {
    const templates = await loadTemplates([], { nowMs: () => NOW_MS });
    const config = integrationOf("pagerduty", pagerDutyFile(cell.cfg as Cell));
    const http = async () => ({ status: 202, headers: {}, body: Buffer.from("{}"), url: "" });
    const result = await createIntegration(config, { clock, http, templates }).send(DATA, new AbortController().signal);
    if (!cell.errMsg) return result.outcome === "delivered" ? undefined : result.reason;
    if (result.outcome === "delivered") return "delivered, should fail";
    if (result.outcome === "retry") return "would be tried again";
    // The words around the template engine's own are ours.
    const wanted = String(cell.errMsg).replace(/^failed to render details: template: :1: /, "");
    return result.reason.includes(wanted) ? undefined : result.reason;
  },
  "notify/pagerduty/pagerduty_test.go TestErrDetails": (cell) => {
    const text = isCell(cell.body) ? String((cell.body.args as unknown[])[0]) : "";
    const got = errorDetails({ status: STATUS[goName(cell.status)], body: Buffer.from(text) });
    const isRight = cell.exp === "" ? got === "" : got.includes(String(cell.exp));
    return isRight ? undefined : got;
  },
  "notify/pagerduty/pagerduty_test.go TestRenderDetails": async (cell) => {
    const args = cell.args as Cell;
    const status = String((args.data as Cell).Status);
    const templates = await loadTemplates([], { nowMs: () => NOW_MS });
    const render = createRenderer(templates, { ...DATA, status: status as NotificationData["status"] });
    try {
      const got = JSON.stringify(pagerDutyDetails(args.details as Record<string, unknown>, render));
      if (cell.wantErr) return "rendered, should fail";
      return got === JSON.stringify(cell.want) ? undefined : got;
    } catch (error) {
      return cell.wantErr ? undefined : String(error);
    }
  },
};

const RECEIVERS: Readonly<Record<string, CaseCheck>> = {
  ...PAGERDUTY,
  "notify/slack/slack_test.go TestNotifier_Notify_WithReason": (cell) => {
    const status = STATUS[goName(cell.statusCode)];
    if (!status) throw new Unsupported("unknown status");
    const body = String(cell.responseBody ?? "");
    const type = body.startsWith("{") ? "application/json" : "text/plain";
    const verdict = slackVerdict({ status, headers: { "content-type": type }, body: Buffer.from(body), url: "" });
    if (cell.noError) return verdict.kind === "ok" ? undefined : verdict.reason;
    if (verdict.kind === "ok") return "delivered, should fail";
    if ((verdict.kind === "retry") !== cell.expectedRetry) return `retry: ${verdict.kind === "retry"}`;
    return verdict.reason.includes(String(cell.expectedErr)) ? undefined : verdict.reason;
  },
  "notify/webhook/webhook_test.go TestWebhookURLTemplating": async (cell) => {
    const url =
      typeof cell.url === "string"
        ? cell.url
        : String((cell.url as Cell).$go).replace(/^srv\.URL \+ "(.*)"$/, "http://hook.example$1");
    const templates = await loadTemplates([], { nowMs: () => NOW_MS });
    const config = integrationOf("webhook", fileWith("webhook", `url: ${JSON.stringify(url)}`));
    const http = async () => ({ status: 200, headers: {}, body: Buffer.alloc(0), url: "" });
    const labels = plainRecord(cell.alertLabels);
    const data = { ...DATA, groupLabels: plainRecord(cell.groupLabels), commonLabels: labels };
    const result = await createIntegration(config, { clock, http, templates }).send(data, new AbortController().signal);
    if (!cell.expectError) return result.outcome === "delivered" ? undefined : "not delivered";
    if (result.outcome === "delivered") return "delivered, should fail";
    return result.reason.includes(String(cell.expectedErrMsg)) ? undefined : result.reason;
  },
  "notify/email/email_test.go TestEmailNotifyWithErrors": async (cell) => {
    const source = isCell(cell.updateCfg) ? String(cell.updateCfg.$func) : "";
    const match = ASSIGNMENT.exec(source);
    if (!match) throw new Unsupported("needs Go code");
    const config = { ...emailOf(), [FIELD[match[1]]]: goText(match[2]) };
    const templates = await loadTemplates([], { nowMs: () => NOW_MS });
    try {
      composeMail(config, createRenderer(templates, DATA), DATA, NOW_MS);
      return "composed, should fail";
    } catch (error) {
      return String(error).includes(String(cell.errMsg)) ? undefined : String(error);
    }
  },
  "notify/email/email_test.go TestEmailNotifyWithThreading": async (cell) => {
    const byDate = cell.threadByDate ? `\n  thread_by_date: ${String(cell.threadByDate)}` : "";
    const config = emailOf(`to: b@example.org\nthreading:\n  enabled: true${byDate}`);
    const templates = await loadTemplates([], { nowMs: () => NOW_MS });
    const { headers } = composeMail(config, createRenderer(templates, DATA), DATA, NOW_MS);
    const hasDate = headers.References.includes(new Date(NOW_MS).toISOString().slice(0, 10));
    return hasDate === cell.wantDatePart ? undefined : headers.References;
  },
  "notify/email/email_test.go TestEmailImplicitTLS": (cell) => {
    const forced = isCell(cell.forceImplicitTLS)
      ? ((cell.forceImplicitTLS.args as unknown[])[0] as boolean)
      : undefined;
    const got = usesImplicitTls({ port: Number(cell.port), implicitTls: forced });
    return got === cell.expectImplicit ? undefined : `implicit: ${got}`;
  },
};

export const CONFIG_TABLES: Readonly<Record<string, CaseCheck>> = { ...CONFIG, ...RECEIVERS };
