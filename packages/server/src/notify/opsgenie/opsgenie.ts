// Opsgenie: an alert for each group, under an alias; closed when the group is resolved.
import type { NotificationData } from "@storewatch/model";
import type { OpsgenieConfig } from "../../alerts/config/index.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { groupHash } from "../group-hash.ts";
import type { Exchange } from "../http.ts";
import { createHttpIntegration, type Plan, withoutEmpty } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import type { Renderer } from "../renderer.ts";
import { renderedSecret } from "../secret-text.ts";
import { truncated } from "../text-limits.ts";

/** Characters that the service takes; it refuses what is longer. */
const MAX = { message: 130, description: 15_000, source: 100, entity: 512, note: 25_000, tag: 50, action: 50 };
const TAGS_MAX = 20;
const ACTIONS_MAX = 10;

export function createOpsgenie(config: OpsgenieConfig, deps: IntegrationDependencies): Integration {
  return createHttpIntegration(config, deps, {
    kind: "opsgenie",
    describe: async () => `Opsgenie at ${new URL(config.apiUrl).host}`,
    async plan(render, data): Promise<Plan> {
      const key = await renderedSecret(render, "api_key", config.apiKey);
      const headers = { authorization: `GenieKey ${key}` };
      const message = truncated(render.text("message", config.texts.message), MAX.message);
      const exchanges = data.status === "firing" ? opened(config, render, data, message) : closed(config, render, data);
      const [first, ...rest] = exchanges.map((exchange) => ({ ...exchange, headers }));
      return {
        target: `Opsgenie at ${new URL(config.apiUrl).host}`,
        subject: data.status === "firing" ? message : `close: ${message}`,
        exchanges: [first, ...rest],
        secrets: [key],
      };
    },
  });
}

function addressOf(config: OpsgenieConfig, data: NotificationData, what: string): string {
  return `${config.apiUrl}v2/alerts/${groupHash(data.groupKey)}/${what}?identifierType=alias`;
}

function closed(config: OpsgenieConfig, render: Renderer, data: NotificationData): Exchange[] {
  const source = truncated(render.text("source", config.texts.source), MAX.source);
  return [{ url: addressOf(config, data, "close"), body: JSON.stringify({ source }) }];
}

function opened(config: OpsgenieConfig, render: Renderer, data: NotificationData, message: string): Exchange[] {
  const text = (name: string) => render.text(name, config.texts[name] ?? "");
  const details: Record<string, string> = { ...data.commonLabels };
  for (const [name, value] of Object.entries(config.details)) details[name] = render.text("details", value);
  const description = truncated(text("description"), MAX.description);
  const alert = withoutEmpty({
    alias: groupHash(data.groupKey),
    message: message || "(no message)",
    description,
    details,
    source: truncated(text("source"), MAX.source),
    responders: someOf(respondersOf(config, render)),
    tags: someOf(listOf(text("tags"), MAX.tag).slice(0, TAGS_MAX)),
    note: truncated(text("note"), MAX.note),
    priority: text("priority"),
    entity: truncated(text("entity"), MAX.entity),
    actions: someOf(listOf(text("actions"), MAX.action).slice(0, ACTIONS_MAX)),
  });
  const create: Exchange = { url: `${config.apiUrl}v2/alerts`, body: JSON.stringify(alert) };
  if (!config.updateAlerts) return [create];
  // A second alert of the same alias changes neither text by itself.
  const put = (what: string, body: object): Exchange => ({
    method: "PUT",
    url: addressOf(config, data, what),
    body: JSON.stringify(body),
  });
  return [create, put("message", { message }), ...(description ? [put("description", { description })] : [])];
}

function respondersOf(config: OpsgenieConfig, render: Renderer): object[] {
  return config.responders.flatMap((responder) => {
    const text = (value: string) => render.text("responders", value);
    const made = {
      id: text(responder.id),
      name: text(responder.name),
      username: text(responder.username),
      type: text(responder.type).toLowerCase(),
    };
    // Templates may leave one out.
    if (made.id === "" && made.name === "" && made.username === "") return [];
    if (made.type !== "teams") return [withoutEmpty(made)];
    return listOf(made.name, Number.POSITIVE_INFINITY).map((name) => ({ name, type: "team" }));
  });
}

function listOf(text: string, charactersMax: number): string[] {
  return text
    .split(",")
    .map((word) => truncated(word.trim(), charactersMax))
    .filter(Boolean);
}

function someOf<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}
