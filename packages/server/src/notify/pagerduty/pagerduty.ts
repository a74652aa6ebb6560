// PagerDuty: events API v2, or the older v1 where only a service key is given. One incident for each group.
import type { NotificationData } from "@storewatch/model";
import type { PagerDutyConfig } from "../../alerts/config/index.ts";
import type { SafeHttpResponse } from "../../kernel/safe-http.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { groupHash } from "../group-hash.ts";
import type { Verdict } from "../http.ts";
import { verdictOf } from "../http.ts";
import { createHttpIntegration, jsonOf, MessageError, type Plan, withoutEmpty } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import type { Renderer } from "../renderer.ts";
import { renderedSecret } from "../secret-text.ts";
import { truncated } from "../text-limits.ts";

const V1_URL = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";
const SUMMARY_CHARACTERS_MAX = 1024;
/** PagerDuty refuses larger events. */
const EVENT_BYTES_MAX = 512_000;
const TOO_LARGE = "Custom details are left out: with them the event was larger than the 512 kB that PagerDuty takes.";
const SEVERITIES = new Set(["critical", "error", "warning", "info"]);

export function createPagerDuty(config: PagerDutyConfig, deps: IntegrationDependencies): Integration {
  const isV1 = config.routingKey === undefined;
  const url = isV1 ? V1_URL : config.url;
  return createHttpIntegration(config, deps, {
    kind: "pagerduty",
    describe: async () => `PagerDuty events ${isV1 ? "v1" : "v2"} at ${new URL(url).host}`,
    async plan(render, data): Promise<Plan> {
      const secret = config.routingKey ?? config.serviceKey;
      const key = secret ? await renderedSecret(render, isV1 ? "service_key" : "routing_key", secret) : "";
      if (key === "") throw new MessageError(`${isV1 ? "service" : "routing"} key cannot be empty`);
      const event = isV1 ? eventV1(config, render, data, key) : eventV2(config, render, data, key);
      const subject = render.text("description", config.texts.description);
      return {
        target: `PagerDuty ${isV1 ? "v1" : "v2"}`,
        subject: `${actionOf(data)}: ${truncated(subject, SUMMARY_CHARACTERS_MAX)}`,
        exchanges: [{ url, body: eventText(event) }],
        secrets: [key],
      };
    },
    verdict: (response) => pagerDutyVerdict(response, isV1),
  });
}

function actionOf(data: NotificationData): "trigger" | "resolve" {
  return data.status === "firing" ? "trigger" : "resolve";
}

type Event = Readonly<Record<string, unknown>>;

function eventV2(config: PagerDutyConfig, render: Renderer, data: NotificationData, key: string): Event {
  const text = (name: string) => render.text(name, config.texts[name] ?? "");
  const severity = text("severity").toLowerCase();
  return withoutEmpty({
    routing_key: key,
    dedup_key: groupHash(data.groupKey),
    event_action: actionOf(data),
    payload: withoutEmpty({
      summary: truncated(text("description"), SUMMARY_CHARACTERS_MAX) || "(no description)",
      source: text("source") || "Storewatch",
      // A strange one (often a label's) would have the event refused.
      severity: SEVERITIES.has(severity) ? severity : "error",
      component: text("component"),
      group: text("group"),
      class: text("class"),
      custom_details: pagerDutyDetails(config.details, render),
    }),
    client: text("client"),
    client_url: text("client_url"),
    links: someOf(linksOf(config, render)),
    images: someOf(imagesOf(config, render)),
  });
}

function eventV1(config: PagerDutyConfig, render: Renderer, data: NotificationData, key: string): Event {
  const text = (name: string) => render.text(name, config.texts[name] ?? "");
  const isTrigger = actionOf(data) === "trigger";
  return withoutEmpty({
    service_key: key,
    incident_key: groupHash(data.groupKey),
    event_type: actionOf(data),
    description: truncated(text("description"), SUMMARY_CHARACTERS_MAX),
    details: pagerDutyDetails(config.details, render),
    client: isTrigger ? text("client") : "",
    client_url: isTrigger ? text("client_url") : "",
  });
}

/** A link without an address is left out: it came from a template that had nothing to say. */
function linksOf(config: PagerDutyConfig, render: Renderer): object[] {
  return config.links.flatMap((link) => {
    const href = render.text("links", link.href);
    return href === "" ? [] : [{ href, text: render.text("links", link.text) || href }];
  });
}

function imagesOf(config: PagerDutyConfig, render: Renderer): object[] {
  return config.images.flatMap((image) => {
    const text = (value: string) => render.text("images", value);
    const src = text(image.src);
    return src === "" ? [] : [{ src, alt: text(image.alt), href: text(image.href) }];
  });
}

function someOf<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}

/** Every text within is a template; what renders to JSON becomes that JSON. Throws TemplateError. */
export function pagerDutyDetails(
  details: Readonly<Record<string, unknown>>,
  render: Pick<Renderer, "text">,
): Record<string, unknown> {
  const expand = (value: unknown): unknown => {
    if (typeof value === "string") return renderedValue(render.text("details", value));
    if (Array.isArray(value)) return value.map(expand);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [render.text("details", key), expand(inner)]),
    );
  };
  return expand(details) as Record<string, unknown>;
}

/** The parsed value is data of alerts: no template is looked for in it. */
function renderedValue(text: string): unknown {
  if (!/^\s*[[{\d-]/.test(text) && !/^(true|false|null)$/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function eventText(event: Event): string {
  const text = JSON.stringify(event);
  if (Buffer.byteLength(text) <= EVENT_BYTES_MAX) return text;
  const details = { error: TOO_LARGE };
  if (event.details) return JSON.stringify({ ...event, details });
  return JSON.stringify({ ...event, payload: { ...(event.payload as object), custom_details: details } });
}

/** v1 says 403 where it limits the rate. */
export function pagerDutyVerdict(response: SafeHttpResponse, isV1: boolean): Verdict {
  const verdict = verdictOf(response);
  if (verdict.kind === "ok") return verdict;
  const details = errorDetails(response);
  const reason = details ? `unexpected status code ${response.status}: ${details}` : verdict.reason;
  if (isV1 && response.status === 403) return { kind: "retry", reason, limited: true };
  return { ...verdict, reason };
}

/** What a 400 says of itself; empty when it says nothing that can be read. */
export function errorDetails(response: Pick<SafeHttpResponse, "status" | "body">): string {
  const body = response.status === 400 ? jsonOf(response as SafeHttpResponse) : undefined;
  if (!body) return "";
  const errors = Array.isArray(body.errors) ? body.errors.map(String).join(",") : "";
  return `${String(body.message ?? "")}: ${errors}`;
}
