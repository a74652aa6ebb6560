// The generic webhook: the notification as JSON, version 4 of Alertmanager's form.
import type { NotificationData } from "@storewatch/model";
import type { WebhookConfig } from "../../alerts/config/index.ts";
import { TemplateError } from "../../template/index.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { postJson, type Verdict, verdictOf, verdictOfError } from "../http.ts";
import type { DeliveryRecord, Integration } from "../interface.ts";
import { maskedUrl, maskOf, urlSecrets } from "../masking.ts";
import { createRenderer } from "../renderer.ts";
import { resultOf } from "../result.ts";

export function createWebhook(config: WebhookConfig, deps: IntegrationDependencies): Integration {
  const { index, sendResolved, timeoutMs, maxAlerts } = config;
  return {
    kind: "webhook",
    index,
    sendResolved,
    timeoutMs,
    async send(data, signal) {
      const body = JSON.stringify(webhookPayload(data, maxAlerts), null, 1);
      let record: DeliveryRecord = { target: "POST webhook", subject: subjectOf(data), body, answer: "" };
      let url = "";
      try {
        url = createRenderer(deps.templates, data)
          .text("url", await config.url.reveal())
          .trim();
      } catch (error) {
        return { outcome: "failed", reason: urlReason(error), record };
      }
      if (url === "") return { outcome: "failed", reason: "webhook URL is empty after templating", record };
      const mask = maskOf(urlSecrets(url));
      record = { ...record, target: `POST ${maskedUrl(url)}` };
      try {
        const response = await postJson(deps.http, config.http, { url, body, timeoutMs, signal });
        record = {
          ...record,
          answer: mask(`${response.status} ${response.body.toString("utf8").slice(0, 1024)}`.trim()),
        };
        return resultOf(masked(verdictOf(response), mask), record);
      } catch (error) {
        return resultOf(masked(verdictOfError(error), mask), record);
      }
    },
  };
}

function urlReason(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return error instanceof TemplateError ? `failed to template webhook URL: ${reason}` : reason;
}

function masked(verdict: Verdict, mask: (text: string) => string): Verdict {
  return verdict.kind === "ok" ? verdict : { ...verdict, reason: mask(verdict.reason) };
}

function subjectOf(data: NotificationData): string {
  return `${data.status}: ${data.alerts.length} alert${data.alerts.length === 1 ? "" : "s"}`;
}

/** `alertsMax` 0 = all. Key order as Alertmanager writes it. */
export function webhookPayload(data: NotificationData, alertsMax: number): object {
  const alerts = alertsMax > 0 ? data.alerts.slice(0, alertsMax) : data.alerts;
  return {
    receiver: data.receiver,
    status: data.status,
    alerts: alerts.map((alert) => ({
      status: alert.status,
      labels: alert.labels,
      annotations: alert.annotations,
      startsAt: goTime(alert.startsAtMs),
      endsAt: alert.endsAtMs === 0 ? "0001-01-01T00:00:00Z" : goTime(alert.endsAtMs),
      generatorURL: alert.generatorUrl,
      fingerprint: alert.fingerprint,
    })),
    groupLabels: data.groupLabels,
    commonLabels: data.commonLabels,
    commonAnnotations: data.commonAnnotations,
    externalURL: data.externalUrl,
    version: "4",
    groupKey: data.groupKey,
    truncatedAlerts: data.truncatedAlerts + data.alerts.length - alerts.length,
  };
}

/** RFC 3339 without zeros at the end of the fraction, as Go prints times. */
function goTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.?0*Z$/, "Z");
}
