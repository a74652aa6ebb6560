// Splunk On-Call (VictorOps): its REST endpoint, an incident for each group.
import type { VictorOpsConfig } from "../../alerts/config/index.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { groupHash } from "../group-hash.ts";
import { createHttpIntegration, type Plan } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import { truncated } from "../text-limits.ts";

const STATE_MESSAGE_CHARACTERS_MAX = 20_480;
const MESSAGE_TYPES = new Set(["CRITICAL", "WARNING", "INFO"]);

export function createVictorOps(config: VictorOpsConfig, deps: IntegrationDependencies): Integration {
  const host = new URL(config.apiUrl).host;
  return createHttpIntegration(config, deps, {
    kind: "victorops",
    describe: async () => `VictorOps at ${host}, routing key ${config.texts.routing_key}`,
    async plan(render, data): Promise<Plan> {
      const text = (name: string) => render.text(name, config.texts[name] ?? "");
      const key = await config.apiKey.reveal();
      const routingKey = text("routing_key");
      const wanted = text("message_type").toUpperCase();
      const firingType = MESSAGE_TYPES.has(wanted) ? wanted : "CRITICAL";
      const title = text("entity_display_name");
      const custom = Object.entries(config.customFields);
      const message = {
        message_type: data.status === "resolved" ? "RECOVERY" : firingType,
        entity_id: groupHash(data.groupKey),
        entity_display_name: title,
        state_message: truncated(text("state_message"), STATE_MESSAGE_CHARACTERS_MAX),
        monitoring_tool: text("monitoring_tool"),
        ...Object.fromEntries(custom.map(([name, value]) => [name, render.text("custom_fields", value)])),
      };
      return {
        target: `VictorOps at ${host}, routing key ${routingKey}`,
        subject: `${message.message_type}: ${title}`,
        exchanges: [
          {
            url: `${config.apiUrl}${encodeURIComponent(key)}/${encodeURIComponent(routingKey)}`,
            body: JSON.stringify(message),
          },
        ],
        secrets: [key],
      };
    },
  });
}
