// Receivers that this version delivers to: their schema, and what they inherit from `global`.
import { z } from "zod";
import type { Builder } from "./builder.ts";
import type { GlobalInput } from "./global.ts";
import { buildHttp, buildTls, httpSchema, tlsSchema } from "./http.ts";
import {
  isEnvironmentReference,
  maybe,
  maybeDuration,
  maybeFlag,
  maybeInteger,
  maybeText,
  maybeUrl,
  textMap,
  texts,
  urlProblem,
} from "./schema.ts";
import { Secret } from "./secret.ts";
import { isTemplate, SLACK_API, splitHostPort, templateProblem } from "./text-checks.ts";
import type { EmailConfig, SlackConfig, WebhookConfig } from "./types.ts";

type Path = ReadonlyArray<string | number>;
const common = { send_resolved: maybeFlag };

export const emailSchema = z.strictObject({
  ...common,
  to: maybeText,
  from: maybeText,
  hello: maybeText,
  smarthost: maybeText,
  auth_username: maybeText,
  auth_password: maybeText,
  auth_password_file: maybeText,
  auth_secret: maybeText,
  auth_secret_file: maybeText,
  auth_identity: maybeText,
  headers: textMap,
  html: maybeText,
  text: maybeText,
  require_tls: maybeFlag,
  force_implicit_tls: maybeFlag,
  tls_config: maybe(tlsSchema),
  threading: maybe(
    z.strictObject({
      enabled: maybeFlag,
      thread_by_date: maybe(z.enum(["none", "daily"], "threading.thread_by_date must be either 'none' or 'daily'")),
    }),
  ),
  /** No key of Alertmanager; widely written, and meant as headers.Subject. */
  subject: maybeText,
});

const fieldSchema = z
  .strictObject({ title: maybeText, value: maybeText, short: maybeFlag })
  .refine((field) => field.title, "missing title in Slack field configuration")
  .refine((field) => field.value, "missing value in Slack field configuration");

const actionSchema = z
  .strictObject({
    type: maybeText,
    text: maybeText,
    url: maybeText,
    style: maybeText,
    name: maybeText,
    value: maybeText,
    confirm: maybe(
      z
        .strictObject({ text: maybeText, title: maybeText, ok_text: maybeText, dismiss_text: maybeText })
        .refine((confirm) => confirm.text, "missing text in Slack confirmation configuration"),
    ),
  })
  .refine((action) => action.type, "missing type in Slack action configuration")
  .refine((action) => action.text, "missing text in Slack action configuration")
  .refine((action) => action.url || action.name, "missing name or url in Slack action configuration");

/** Template fields and upstream's defaults for them. */
const SLACK_TEXTS: Readonly<Record<string, string>> = {
  channel: "",
  username: '{{ template "slack.default.username" . }}',
  color: '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}',
  title: '{{ template "slack.default.title" . }}',
  title_link: '{{ template "slack.default.titlelink" . }}',
  pretext: '{{ template "slack.default.pretext" . }}',
  text: '{{ template "slack.default.text" . }}',
  message_text: "",
  footer: '{{ template "slack.default.footer" . }}',
  fallback: '{{ template "slack.default.fallback" . }}',
  callback_id: '{{ template "slack.default.callbackid" . }}',
  icon_emoji: '{{ template "slack.default.iconemoji" . }}',
  icon_url: '{{ template "slack.default.iconurl" . }}',
  image_url: "",
  thumb_url: "",
};

export const slackSchema = z.strictObject({
  ...common,
  ...Object.fromEntries(Object.keys(SLACK_TEXTS).map((key) => [key, maybeText])),
  http_config: maybe(httpSchema),
  api_url: maybeUrl,
  api_url_file: maybeText,
  app_token: maybeText,
  app_token_file: maybeText,
  app_url: maybeUrl,
  timeout: maybeDuration,
  link_names: maybeFlag,
  short_fields: maybeFlag,
  mrkdwn_in: texts,
  fields: maybe(z.array(fieldSchema)),
  actions: maybe(z.array(actionSchema)),
  update_message: maybeFlag,
});

export const webhookSchema = z.strictObject({
  ...common,
  http_config: maybe(httpSchema),
  url: maybeText,
  url_file: maybeText,
  max_alerts: maybeInteger,
  timeout: maybeDuration,
});

export function buildEmail(
  builder: Builder,
  input: z.output<typeof emailSchema>,
  global: GlobalInput,
  index: number,
  path: Path,
): EmailConfig {
  if (!input.to) builder.error(path, "missing to address in email config");
  const from = input.from || global.smtp_from || "";
  if (from === "") builder.error(path, "no global SMTP from set");
  const smarthost = input.smarthost || global.smtp_smarthost || "";
  const address = splitHostPort(smarthost);
  if (smarthost === "") builder.error(path, "no global SMTP smarthost set");
  else if (!address) builder.error([...path, "smarthost"], `address ${smarthost}: missing port in address`);
  const globalPath = ["global"];
  const ownPassword = builder.secret(input, "auth_password", path);
  const ownSecret = builder.secret(input, "auth_secret", path);
  warnOfClearText(builder, input, global, address, path);
  return {
    kind: "email",
    index,
    sendResolved: input.send_resolved ?? false,
    to: input.to ?? "",
    from,
    hello: input.hello || global.smtp_hello || "localhost",
    host: address?.host ?? "",
    port: address?.port ?? 25,
    authUsername: input.auth_username || global.smtp_auth_username || "",
    authPassword: ownPassword ?? builder.secret(global, "smtp_auth_password", globalPath),
    authSecret: ownSecret ?? builder.secret(global, "smtp_auth_secret", globalPath),
    authIdentity: input.auth_identity || global.smtp_auth_identity || "",
    requireTls: input.require_tls ?? global.smtp_require_tls ?? true,
    implicitTls: input.force_implicit_tls ?? global.smtp_force_implicit_tls,
    tls:
      buildTls(builder, input.tls_config, [...path, "tls_config"]) ??
      buildTls(builder, global.smtp_tls_config, ["global", "smtp_tls_config"]),
    headers: emailHeaders(builder, input, path),
    html: input.html ?? '{{ template "email.default.html" . }}',
    text: input.text ?? '{{ template "__text" . }}',
    threading: { enabled: input.threading?.enabled ?? true, byDate: input.threading?.thread_by_date ?? "daily" },
  };
}

/** Within the machine a password may go without TLS; anywhere else it can be read on the way. */
function warnOfClearText(
  builder: Builder,
  input: z.output<typeof emailSchema>,
  global: GlobalInput,
  address: { host: string; port: number } | undefined,
  path: Path,
): void {
  const { host = "", port = 25 } = address ?? {};
  const user = input.auth_username ?? global.smtp_auth_username;
  const implicit = input.force_implicit_tls ?? global.smtp_force_implicit_tls ?? port === 465;
  const required = input.require_tls ?? global.smtp_require_tls ?? true;
  if (!user || implicit || required || /^(localhost|127\.|::1$)/.test(host)) return;
  builder.warn(
    path,
    "EMAIL_CLEAR_TEXT",
    `the password for ${host} goes over the network without TLS`,
    undefined,
    "require_tls: true",
  );
}

function emailHeaders(builder: Builder, input: z.output<typeof emailSchema>, path: Path): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(input.headers ?? {})) {
    const canonical = canonicalHeader(name);
    if (canonical in headers)
      builder.error([...path, "headers", name], `duplicate header "${canonical}" in email config`);
    headers[canonical] = value;
  }
  if (input.subject !== undefined) {
    builder.warn(
      [...path, "subject"],
      "EMAIL_SUBJECT_KEY",
      "`subject` is not a key of email_configs; taken as headers.Subject",
      "Alertmanager itself refuses this file.",
      "headers: { Subject: … }",
    );
    headers.Subject ??= input.subject;
  }
  return headers;
}

/** Content-Type form: each part with a capital. */
function canonicalHeader(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}

export function buildSlack(
  builder: Builder,
  input: z.output<typeof slackSchema>,
  global: GlobalInput,
  index: number,
  path: Path,
): SlackConfig {
  const { url, token } = slackTarget(builder, input, global, path);
  const given = input as Readonly<Record<string, unknown>>;
  return {
    kind: "slack",
    index,
    sendResolved: input.send_resolved ?? false,
    url,
    token,
    timeoutMs: input.timeout ?? 0,
    http: input.http_config
      ? buildHttp(builder, input.http_config, [...path, "http_config"])
      : buildHttp(builder, global.http_config, ["global", "http_config"]),
    texts: Object.fromEntries(
      Object.entries(SLACK_TEXTS).map(([key, preset]) => [key, (given[key] as string | undefined) ?? preset]),
    ),
    linkNames: input.link_names ?? false,
    shortFields: input.short_fields ?? false,
    mrkdwnIn: input.mrkdwn_in ?? ["fallback", "pretext", "text"],
    fields: (input.fields ?? []).map((f) => ({ title: f.title ?? "", value: f.value ?? "", short: f.short })),
    actions: (input.actions ?? []).map((action) => ({
      type: action.type ?? "",
      text: action.text ?? "",
      url: action.url ?? "",
      style: action.style ?? "",
      name: action.name ?? "",
      value: action.value ?? "",
      confirm: action.confirm && {
        text: action.confirm.text ?? "",
        title: action.confirm.title ?? "",
        okText: action.confirm.ok_text ?? "",
        dismissText: action.confirm.dismiss_text ?? "",
      },
    })),
  };
}

/** A webhook's secret URL, or the chat.postMessage URL with a bot token. The receiver's own setting wins over global ones. */
function slackTarget(
  builder: Builder,
  input: z.output<typeof slackSchema>,
  global: GlobalInput,
  path: Path,
): { url: Secret; token: Secret | undefined } {
  const ownUrl = builder.secret(input, "api_url", path);
  const ownToken = builder.secret(input, "app_token", path);
  if (ownToken && ownUrl && input.api_url !== (input.app_url ?? global.slack_app_url ?? SLACK_API)) {
    builder.error(path, "at most one of api_url/api_url_file & app_token/app_token_file must be configured");
  }
  const appUrl = input.app_url ?? global.slack_app_url ?? SLACK_API;
  const viaToken = ownToken ?? (ownUrl || input.http_config?.authorization ? undefined : globalToken(builder, global));
  const usesWebhook = !viaToken && input.api_url !== SLACK_API && !input.http_config?.authorization;
  if (input.update_message) {
    if (usesWebhook)
      builder.error(
        [...path, "update_message"],
        "update_message needs a bot token: a webhook cannot change what it posted",
      );
    else
      builder.warn(
        [...path, "update_message"],
        "NOT_IN_THIS_VERSION",
        "update_message is not in this version",
        "Each notification is a new message.",
      );
  }
  if (viaToken) return { url: Secret.of(appUrl), token: viaToken };
  const url = ownUrl ?? builder.secret(global, "slack_api_url", ["global"]);
  if (url) return { url, token: undefined };
  const token = globalToken(builder, global);
  if (token) return { url: Secret.of(appUrl), token: input.http_config?.authorization ? undefined : token };
  builder.error(path, "no Slack API URL nor App token set either inline or in a file");
  return { url: Secret.of(""), token: undefined };
}

function globalToken(builder: Builder, global: GlobalInput): Secret | undefined {
  return builder.secret(global, "slack_app_token", ["global"]);
}

export function buildWebhook(
  builder: Builder,
  input: z.output<typeof webhookSchema>,
  global: GlobalInput,
  index: number,
  path: Path,
): WebhookConfig {
  const url = builder.secret(input, "url", path);
  if (!url) builder.error(path, "one of url or url_file must be configured");
  if (input.url && !isEnvironmentReference(input.url)) {
    const problem = isTemplate(input.url) ? templateProblem(input.url) : urlProblem(input.url);
    if (problem) builder.error([...path, "url"], problem);
  }
  return {
    kind: "webhook",
    index,
    sendResolved: input.send_resolved ?? true,
    url: url ?? Secret.of(""),
    fixedUrl: !isTemplate(input.url ?? ""),
    http: input.http_config
      ? buildHttp(builder, input.http_config, [...path, "http_config"])
      : buildHttp(builder, global.http_config, ["global", "http_config"]),
    maxAlerts: input.max_alerts ?? 0,
    timeoutMs: input.timeout ?? 0,
  };
}
