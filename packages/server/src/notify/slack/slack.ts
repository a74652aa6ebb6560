// Slack: one message with one attachment, to an incoming webhook or, with a bot token, to chat.postMessage.
import type { NotificationData } from "@storewatch/model";
import type { SlackConfig } from "../../alerts/config/index.ts";
import type { SafeHttpResponse } from "../../kernel/safe-http.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { type Verdict, verdictOf } from "../http.ts";
import { createHttpIntegration, type Plan, withoutEmpty } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import { maskedUrl, urlSecrets } from "../masking.ts";
import type { Renderer } from "../renderer.ts";
import { truncated } from "../text-limits.ts";

/** Slack cuts longer titles itself, in the middle of a character if need be. */
const TITLE_CHARACTERS_MAX = 1024;

export function createSlack(config: SlackConfig, deps: IntegrationDependencies): Integration {
  return createHttpIntegration(config, deps, {
    kind: "slack",
    describe: async () => `Slack ${config.texts.channel} at ${maskedUrl(await config.url.reveal())}`,
    async plan(render, data): Promise<Plan> {
      const message = slackMessage(config, render, data);
      const url = await config.url.reveal();
      const token = await config.token?.reveal();
      const usesToken = token !== undefined && !config.http.authorization;
      const bearer: Record<string, string> = usesToken ? { authorization: `Bearer ${token}` } : {};
      return {
        target: `Slack ${message.channel} at ${maskedUrl(url)}`,
        subject: message.attachments[0].title,
        exchanges: [{ url, body: JSON.stringify(message), headers: bearer }],
        secrets: [...urlSecrets(url), token],
      };
    },
    verdict: slackVerdict,
  });
}

/** Slack answers 200 with `ok` (webhooks) or with JSON whose `ok` may be false. */
export function slackVerdict(response: SafeHttpResponse): Verdict {
  const verdict = verdictOf(response);
  if (verdict.kind !== "ok") return verdict;
  const body = response.body.toString("utf8");
  if (!String(response.headers["content-type"] ?? "").startsWith("application/json")) {
    return body === "ok"
      ? verdict
      : { kind: "refused", reason: `received an error response from Slack: ${body.slice(0, 256)}` };
  }
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return { kind: "retry", reason: `could not unmarshal JSON response "${body.slice(0, 256)}"` };
  }
  const { ok, error } = (answer ?? {}) as { ok?: unknown; error?: unknown };
  return ok === true
    ? verdict
    : { kind: "refused", reason: `error response from Slack: ${String(error ?? body.slice(0, 256))}` };
}

interface Attachment {
  readonly title: string;
  readonly [key: string]: unknown;
}

export interface SlackMessage {
  readonly channel: string;
  readonly attachments: readonly [Attachment];
  readonly [key: string]: unknown;
}

export function slackMessage(config: SlackConfig, render: Renderer, data: NotificationData): SlackMessage {
  const text = (key: string) => render.text(key, config.texts[key] ?? "");
  const fields = config.fields.map((field) => ({
    title: render.text("fields", field.title),
    value: render.text("fields", field.value),
    short: field.short ?? config.shortFields,
  }));
  const attachment = withoutEmpty({
    title: truncated(text("title"), TITLE_CHARACTERS_MAX),
    title_link: text("title_link"),
    pretext: text("pretext"),
    text: text("text"),
    fallback: text("fallback"),
    callback_id: text("callback_id"),
    fields: fields.length > 0 ? fields : undefined,
    actions: config.actions.length > 0 ? config.actions.map((action) => slackAction(action, render)) : undefined,
    image_url: text("image_url"),
    thumb_url: text("thumb_url"),
    footer: text("footer"),
    color: text("color") || (data.status === "firing" ? "danger" : "good"),
    mrkdwn_in: config.mrkdwnIn,
  });
  return {
    ...withoutEmpty({
      text: text("message_text"),
      username: text("username"),
      icon_emoji: text("icon_emoji"),
      icon_url: text("icon_url"),
      link_names: config.linkNames || undefined,
    }),
    channel: text("channel"),
    attachments: [{ ...attachment, title: String(attachment.title ?? "") }],
  };
}

function slackAction(action: SlackConfig["actions"][number], render: Renderer): object {
  const text = (value: string) => render.text("actions", value);
  return withoutEmpty({
    type: text(action.type),
    text: text(action.text),
    url: text(action.url),
    style: text(action.style),
    name: text(action.name),
    value: text(action.value),
    confirm:
      action.confirm &&
      withoutEmpty({
        title: text(action.confirm.title),
        text: text(action.confirm.text),
        ok_text: text(action.confirm.okText),
        dismiss_text: text(action.confirm.dismissText),
      }),
  });
}
