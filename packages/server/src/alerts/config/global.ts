// The `global` section: defaults that receivers inherit.
import { z } from "zod";
import type { Builder } from "./builder.ts";
import { httpSchema, tlsSchema } from "./http.ts";
import { maybe, maybeDuration, maybeFlag, maybeText, maybeUrl } from "./schema.ts";
import { SLACK_API, splitHostPort } from "./text-checks.ts";

export const globalSchema = z.strictObject({
  resolve_timeout: maybeDuration,
  http_config: maybe(httpSchema),
  smtp_from: maybeText,
  smtp_hello: maybeText,
  smtp_smarthost: maybeText,
  smtp_auth_username: maybeText,
  smtp_auth_password: maybeText,
  smtp_auth_password_file: maybeText,
  smtp_auth_secret: maybeText,
  smtp_auth_secret_file: maybeText,
  smtp_auth_identity: maybeText,
  smtp_require_tls: maybeFlag,
  smtp_tls_config: maybe(tlsSchema),
  smtp_force_implicit_tls: maybeFlag,
  slack_api_url: maybeUrl,
  slack_api_url_file: maybeText,
  slack_app_token: maybeText,
  slack_app_token_file: maybeText,
  slack_app_url: maybeUrl,
  pagerduty_url: maybeUrl,
  opsgenie_api_url: maybeUrl,
  opsgenie_api_key: maybeText,
  opsgenie_api_key_file: maybeText,
  wechat_api_url: maybeUrl,
  wechat_api_secret: maybeText,
  wechat_api_secret_file: maybeText,
  wechat_api_corp_id: maybeText,
  victorops_api_url: maybeUrl,
  victorops_api_key: maybeText,
  victorops_api_key_file: maybeText,
  telegram_api_url: maybeUrl,
  telegram_bot_token: maybeText,
  telegram_bot_token_file: maybeText,
  webex_api_url: maybeUrl,
  jira_api_url: maybeUrl,
  rocketchat_api_url: maybeUrl,
  rocketchat_token: maybeText,
  rocketchat_token_file: maybeText,
  rocketchat_token_id: maybeText,
  rocketchat_token_id_file: maybeText,
  mattermost_webhook_url: maybeUrl,
  mattermost_webhook_url_file: maybeText,
});

export type GlobalInput = Partial<z.output<typeof globalSchema>>;

const PAIRS = [
  "smtp_auth_password",
  "smtp_auth_secret",
  "slack_api_url",
  "slack_app_token",
  "opsgenie_api_key",
  "wechat_api_secret",
  "victorops_api_key",
  "telegram_bot_token",
  "rocketchat_token",
  "rocketchat_token_id",
  "mattermost_webhook_url",
] as const;

export function checkGlobal(builder: Builder, global: GlobalInput): void {
  for (const key of PAIRS) {
    if (global[key] && global[`${key}_file`]) {
      builder.error(["global", key], `at most one of ${key} & ${key}_file must be configured`);
    }
  }
  const { slack_api_url: webhook, slack_api_url_file: webhookFile } = global;
  const hasToken = Boolean(global.slack_app_token || global.slack_app_token_file);
  // chat.postMessage as the webhook is the old way to use a bot token and may stay beside the new one.
  if (hasToken && (webhookFile || (webhook && webhook !== (global.slack_app_url ?? SLACK_API)))) {
    builder.error(["global", "slack_app_token"], "at most one of slack_app_token & slack_api_url must be configured");
  }
  const { smtp_smarthost: smarthost } = global;
  if (smarthost && !splitHostPort(smarthost)) {
    builder.error(["global", "smtp_smarthost"], `address ${smarthost}: missing port in address`);
  }
}
