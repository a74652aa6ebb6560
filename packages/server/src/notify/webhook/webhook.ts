// The generic webhook: the notification as JSON, version 4 of Alertmanager's form.
import type { LabelRecord, NotificationData } from "@storewatch/model";
import type { WebhookConfig } from "../../alerts/config/index.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { createHttpIntegration, MessageError, type Plan } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import { maskedUrl, urlSecrets } from "../masking.ts";
import type { Renderer } from "../renderer.ts";

export function createWebhook(config: WebhookConfig, deps: IntegrationDependencies): Integration {
  return createHttpIntegration(config, deps, {
    kind: "webhook",
    describe: async () => `POST ${maskedUrl(await config.url.reveal())}`,
    fixedTarget: config.fixedUrl,
    async plan(render, data): Promise<Plan> {
      const url = await urlOf(config, render);
      const body = JSON.stringify(webhookPayload(data, config.maxAlerts, render.routeLabels()), null, 1);
      return {
        target: `POST ${maskedUrl(url)}`,
        subject: subjectOf(data),
        exchanges: [{ url, body }],
        secrets: urlSecrets(url),
      };
    },
  });
}

async function urlOf(config: WebhookConfig, render: Renderer): Promise<string> {
  const template = await config.url.reveal();
  let url: string;
  try {
    url = render.text("url", template).trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MessageError(`failed to template webhook URL: ${reason}`);
  }
  if (url === "") throw new MessageError("webhook URL is empty after templating");
  return url;
}

function subjectOf(data: NotificationData): string {
  return `${data.status}: ${data.alerts.length} alert${data.alerts.length === 1 ? "" : "s"}`;
}

/** `alertsMax` 0 = all. Key order as Alertmanager writes it. */
export function webhookPayload(data: NotificationData, alertsMax: number, routeLabels: LabelRecord): object {
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
    // Newer than the version above, which readers take for granted.
    notification_reason: data.reason ?? "first notification",
    routeLabels,
  };
}

/** RFC 3339 without zeros at the end of the fraction, as Go prints times. */
function goTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.?0*Z$/, "Z");
}
