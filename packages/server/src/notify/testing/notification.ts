// Tests only: data of one notification, and integrations from a file's text.
import type { NotificationData } from "@storewatch/model";
import { type IntegrationConfig, loadAlertmanagerConfig } from "../../alerts/config/index.ts";
import { parseConfigDocument } from "../../config/document.ts";

export const START_MS = Date.UTC(2026, 10, 22, 14, 30, 5);

export function notification(more: Partial<NotificationData> = {}): NotificationData {
  const labels = { alertname: "HighErrorRate", severity: "critical", tenant_id: "acme" };
  return {
    receiver: "ops",
    status: "firing",
    alerts: [
      {
        status: "firing",
        labels,
        annotations: { summary: "Tỷ lệ lỗi cao <acme>" },
        startsAtMs: START_MS,
        endsAtMs: 0,
        generatorUrl: "http://watch.example/graph",
        fingerprint: "0123456789abcdef",
      },
    ],
    groupLabels: { alertname: "HighErrorRate" },
    commonLabels: labels,
    commonAnnotations: { summary: "Tỷ lệ lỗi cao <acme>" },
    externalUrl: "http://watch.example",
    groupKey: '{}:{alertname="HighErrorRate"}',
    truncatedAlerts: 0,
    ...more,
  };
}

/** Integrations of the one receiver whose body is given. */
export function integrationsOf(body: string): readonly IntegrationConfig[] {
  const text = `route: { receiver: ops }\nreceivers:\n- name: ops\n${body.replaceAll(/^/gm, "  ")}\n`;
  return loadAlertmanagerConfig(parseConfigDocument("test.yml", text)).config.receivers[0].integrations;
}
