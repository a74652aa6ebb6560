// Receivers that are asked over HTTP: from checked keys to configurations. Defaults as upstream's.
import type { LabelRecord } from "@storewatch/model";
import type { Builder } from "./builder.ts";
import type { GlobalInput } from "./global.ts";
import { buildHttp, type HttpInput } from "./http.ts";
import { Secret } from "./secret.ts";
import { isTemplate } from "./text-checks.ts";
import type { HttpConfig, IntegrationConfig } from "./types.ts";

type Path = ReadonlyArray<string | number>;

/** The keys of one integration; `checkOther` has looked at them. */
export type OtherInput = Readonly<Record<string, unknown>>;

export interface BuildContext {
  readonly builder: Builder;
  readonly input: OtherInput;
  readonly global: GlobalInput;
  readonly path: Path;
  /** What all of them have. */
  readonly base: {
    readonly index: number;
    readonly sendResolved: boolean;
    readonly http: HttpConfig;
    /** 0 = the default. */
    readonly timeoutMs: number;
  };
}

export function buildContext(
  builder: Builder,
  input: OtherInput,
  global: GlobalInput,
  place: { readonly index: number; readonly path: Path; readonly sendResolved: boolean },
): BuildContext {
  const { index, path } = place;
  const own = input.http_config as HttpInput | undefined;
  return {
    builder,
    input,
    global,
    path,
    base: {
      index,
      sendResolved: (input.send_resolved as boolean | undefined) ?? place.sendResolved,
      http: own
        ? buildHttp(builder, own, [...path, "http_config"])
        : buildHttp(builder, global.http_config, ["global", "http_config"]),
      timeoutMs: (input.timeout as number | undefined) ?? 0,
    },
  };
}

function textOf(input: OtherInput, key: string): string {
  return (input[key] as string | undefined) ?? "";
}

/** Template fields: what the file says, else the preset. */
function textsOf(input: OtherInput, presets: LabelRecord): LabelRecord {
  return Object.fromEntries(
    Object.entries(presets).map(([key, preset]) => [key, (input[key] as string | undefined) ?? preset]),
  );
}

/** From the receiver, else from `global`; what is missing was found before. */
function secretOf({ builder, input, global, path }: BuildContext, key: string, globalKey?: string): Secret {
  const inherited = () => globalKey && builder.secret(global as OtherInput, globalKey, ["global"]);
  return builder.secret(input, key, path) || inherited() || Secret.of("");
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}

const named = (name: string) => `{{ template "${name}" . }}`;

function pagerduty(context: BuildContext): IntegrationConfig {
  const { builder, input, global, path, base } = context;
  const list = (key: string) => (input[key] ?? []) as readonly Readonly<Record<string, string | undefined>>[];
  const client = textOf(input, "client") || named("pagerduty.default.client");
  return {
    ...base,
    kind: "pagerduty",
    url: textOf(input, "url") || global.pagerduty_url || "https://events.pagerduty.com/v2/enqueue",
    routingKey: builder.secret(input, "routing_key", path),
    serviceKey: builder.secret(input, "service_key", path),
    texts: textsOf(input, {
      client,
      client_url: named("pagerduty.default.clientURL"),
      description: named("pagerduty.default.description"),
      severity: "error",
      source: client,
      class: "",
      component: "",
      group: "",
    }),
    details: {
      firing: "{{ .Alerts.Firing | toJson }}",
      resolved: "{{ .Alerts.Resolved | toJson }}",
      num_firing: "{{ .Alerts.Firing | len }}",
      num_resolved: "{{ .Alerts.Resolved | len }}",
      ...(input.details as Record<string, unknown> | undefined),
    },
    images: list("images").map(({ src = "", alt = "", href = "" }) => ({ src, alt, href })),
    links: list("links").map(({ href = "", text = "" }) => ({ href, text })),
  };
}

function opsgenie(context: BuildContext): IntegrationConfig {
  const { input, global, base } = context;
  const responders = (input.responders ?? []) as readonly Readonly<Record<string, string | undefined>>[];
  return {
    ...base,
    kind: "opsgenie",
    apiUrl: withSlash(textOf(input, "api_url") || global.opsgenie_api_url || "https://api.opsgenie.com/"),
    apiKey: secretOf(context, "api_key", "opsgenie_api_key"),
    texts: textsOf(input, {
      message: named("opsgenie.default.message"),
      description: named("opsgenie.default.description"),
      source: named("opsgenie.default.source"),
      entity: "",
      actions: "",
      tags: "",
      note: "",
      priority: "",
    }),
    details: (input.details as LabelRecord | undefined) ?? {},
    responders: responders.map(({ id = "", name = "", username = "", type = "" }) => ({ id, name, username, type })),
    updateAlerts: (input.update_alerts as boolean | undefined) ?? false,
  };
}

const VICTOROPS = "https://alert.victorops.com/integrations/generic/20131114/alert/";

function victorops(context: BuildContext): IntegrationConfig {
  const { input, global, base } = context;
  return {
    ...base,
    kind: "victorops",
    apiUrl: withSlash(textOf(input, "api_url") || global.victorops_api_url || VICTOROPS),
    apiKey: secretOf(context, "api_key", "victorops_api_key"),
    texts: textsOf(input, {
      routing_key: "",
      message_type: "CRITICAL",
      state_message: named("victorops.default.state_message"),
      entity_display_name: named("victorops.default.entity_display_name"),
      monitoring_tool: named("victorops.default.monitoring_tool"),
    }),
    customFields: (input.custom_fields as LabelRecord | undefined) ?? {},
  };
}

function pushover(context: BuildContext): IntegrationConfig {
  const { input, base } = context;
  return {
    ...base,
    kind: "pushover",
    userKey: secretOf(context, "user_key"),
    token: secretOf(context, "token"),
    texts: textsOf(input, {
      title: named("pushover.default.title"),
      message: named("pushover.default.message"),
      url: named("pushover.default.url"),
      url_title: "",
      device: "",
      sound: "",
      priority: '{{ if eq .Status "firing" }}2{{ else }}0{{ end }}',
    }),
    retryMs: (input.retry as number | undefined) ?? 60_000,
    expireMs: (input.expire as number | undefined) ?? 3_600_000,
    ttlMs: (input.ttl as number | undefined) ?? 0,
    html: (input.html as boolean | undefined) ?? false,
    monospace: (input.monospace as boolean | undefined) ?? false,
  };
}

function telegram(context: BuildContext): IntegrationConfig {
  const { builder, input, global, path, base } = context;
  const { chat_id: chat } = input;
  return {
    ...base,
    kind: "telegram",
    apiUrl: (textOf(input, "api_url") || global.telegram_api_url || "https://api.telegram.org").replace(/\/+$/, ""),
    botToken: secretOf(context, "bot_token", "telegram_bot_token"),
    chatId: (chat ? Secret.of(String(chat)) : builder.secret(input, "chat_id", path)) ?? Secret.of(""),
    messageThreadId: input.message_thread_id as number | undefined,
    disableNotifications: (input.disable_notifications as boolean | undefined) ?? false,
    parseMode: (input.parse_mode as string | undefined) ?? "HTML",
    texts: textsOf(input, { message: named("telegram.default.message") }),
  };
}

function discord(context: BuildContext): IntegrationConfig {
  return {
    ...context.base,
    kind: "discord",
    webhookUrl: secretOf(context, "webhook_url"),
    texts: textsOf(context.input, {
      title: named("discord.default.title"),
      message: named("discord.default.message"),
      content: named("discord.default.content"),
      username: "",
      avatar_url: "",
    }),
  };
}

function msteams(context: BuildContext): IntegrationConfig {
  return {
    ...context.base,
    kind: "msteams",
    webhookUrl: secretOf(context, "webhook_url"),
    texts: textsOf(context.input, {
      title: named("msteams.default.title"),
      summary: named("msteams.default.summary"),
      text: named("msteams.default.text"),
    }),
  };
}

function msteamsv2(context: BuildContext): IntegrationConfig {
  return {
    ...context.base,
    kind: "msteamsv2",
    webhookUrl: secretOf(context, "webhook_url"),
    texts: textsOf(context.input, { title: named("msteamsv2.default.title"), text: named("msteamsv2.default.text") }),
  };
}

function http(context: BuildContext): IntegrationConfig {
  const { input, base } = context;
  return {
    ...base,
    kind: "http",
    url: secretOf(context, "url"),
    fixedUrl: !isTemplate(textOf(input, "url")),
    method: (textOf(input, "method") || "POST").toUpperCase(),
    contentType: textOf(input, "content_type") || "application/json",
    headers: (input.headers as LabelRecord | undefined) ?? {},
    texts: textsOf(input, { body: "{{ . | toJson }}" }),
  };
}

/** The kinds that this version delivers to, beside e-mail, Slack and webhook. */
export const BUILDERS: Readonly<Record<string, (context: BuildContext) => IntegrationConfig>> = {
  discord,
  http,
  msteams,
  msteamsv2,
  opsgenie,
  pagerduty,
  pushover,
  telegram,
  victorops,
};
