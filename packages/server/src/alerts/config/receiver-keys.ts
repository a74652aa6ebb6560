// What each key of a receiver means, in one line: docs/reference/receivers.md is made from it. The types make sure that
// no key is without its line, and a test that no line is without its key.
import type { z } from "zod";
import { OTHER_KINDS } from "./other-receivers.ts";
import { emailSchema, slackSchema, webhookSchema } from "./receivers.ts";
import { BUILDERS } from "./service-receivers.ts";

type KeysOf<S extends z.ZodType> = { readonly [K in keyof z.input<S>]-?: string };

const SEND_RESOLVED = "Also tell when the alerts have ended.";
const TIMEOUT = "For one attempt. Without it the group's interval ends the attempt.";
const HTTP = "How to connect: `basic_auth`, `authorization`, `http_headers`, `tls_config`, `follow_redirects`.";

const EMAIL: KeysOf<typeof emailSchema> = {
  send_resolved: `${SEND_RESOLVED} Default \`false\`.`,
  to: "Addresses, with commas between them. Template. Needed.",
  from: "Sender. Template. Default `global.smtp_from`.",
  hello: "Name in the EHLO command. Default `global.smtp_hello`, else `localhost`.",
  smarthost: "`HOST:PORT` of the mail server. Default `global.smtp_smarthost`.",
  auth_username: "Name to sign in with. Default `global.smtp_auth_username`.",
  auth_password: "Password: the text, or `${NAME}` for an environment variable.",
  auth_password_file: "File that holds the password, read at each use.",
  auth_secret: "Secret for CRAM-MD5.",
  auth_secret_file: "File that holds the secret for CRAM-MD5.",
  auth_identity: "Read, not used: sign-in is by name and password.",
  headers: "Header fields, values are templates. `Subject` is here.",
  html: "HTML part. Template. Default `email.default.html`; empty sends none.",
  text: "Text part. Template.",
  require_tls: "Refuse to send without STARTTLS. Default `global.smtp_require_tls`, else `true`.",
  force_implicit_tls: "TLS from the first byte. Default: on port 465 only.",
  tls_config: "Certificates and names: `ca_file`, `cert_file`, `key_file`, `server_name`, `insecure_skip_verify`.",
  threading: "`enabled` (default `true`) and `thread_by_date` (`daily` or `none`): mails of one group form one thread.",
  subject: "No key of Alertmanager, taken as `headers.Subject` with a warning.",
};

const SLACK: KeysOf<typeof slackSchema> & Readonly<Record<string, string>> = {
  send_resolved: `${SEND_RESOLVED} Default \`false\`.`,
  api_url: "URL of the incoming webhook, a secret. Default `global.slack_api_url`.",
  api_url_file: "File that holds the URL.",
  app_token: "Bot token: messages go through `chat.postMessage`. Default `global.slack_app_token`.",
  app_token_file: "File that holds the token.",
  app_url: "Address of `chat.postMessage`, when it is not Slack's own.",
  channel: "Channel or person. Template.",
  username: "Name of the sender. Template.",
  color: "Colour of the bar. Template. Default: `danger` while firing, `good` after.",
  title: "Template.",
  title_link: "Template. Default: the alerts in the web app.",
  pretext: "Text above the attachment. Template.",
  text: "Text of the attachment. Template.",
  message_text: "Text of the message itself. Template.",
  footer: "Template.",
  fallback: "For clients that show no attachments. Template.",
  callback_id: "Template.",
  icon_emoji: "Template.",
  icon_url: "Template.",
  image_url: "Template.",
  thumb_url: "Template.",
  link_names: "Turn `@name` into a mention. Default `false`.",
  short_fields: "Put fields side by side. Default `false`.",
  mrkdwn_in: "Parts in which Slack's markup counts. Default `fallback`, `pretext`, `text`.",
  fields: "List of `title`, `value`, `short`. Templates.",
  actions: "Buttons: `type`, `text`, `url`, `style`, `name`, `value`, `confirm`. Templates.",
  http_config: HTTP,
  timeout: TIMEOUT,
  update_message: "Read, not in this version: each notification is a new message.",
};

const WEBHOOK: KeysOf<typeof webhookSchema> = {
  send_resolved: `${SEND_RESOLVED} Default \`true\`.`,
  url: "Where to POST, a secret. Template. `${NAME}` takes an environment variable.",
  url_file: "File that holds the URL.",
  max_alerts: "At most so many alerts in a message; the rest is counted in `truncatedAlerts`. Default 0: all.",
  http_config: HTTP,
  timeout: TIMEOUT,
};

export interface ReceiverKind {
  /** Its key in a receiver: `email_configs`. */
  readonly key: string;
  readonly schema: z.ZodObject;
  readonly keys: Readonly<Record<string, string>>;
}

export const RECEIVER_KINDS: readonly ReceiverKind[] = [
  { key: "email_configs", schema: emailSchema, keys: EMAIL },
  { key: "slack_configs", schema: slackSchema, keys: SLACK },
  { key: "webhook_configs", schema: webhookSchema, keys: WEBHOOK },
];

/** Of these the keys are Alertmanager's, with its meaning and defaults; `http_configs` is our own. */
export const SERVICE_KINDS: readonly { readonly key: string; readonly keys: readonly string[] }[] = Object.entries(
  OTHER_KINDS,
)
  .filter(([name]) => Object.hasOwn(BUILDERS, name))
  .map(([name, { schema }]) => ({
    key: `${name}_configs`,
    keys: Object.keys((schema as unknown as z.ZodObject).shape),
  }));

/** Read and checked, and then every notification to them fails: their keys in a receiver. */
export const UNDELIVERED_KINDS: readonly string[] = Object.keys(OTHER_KINDS)
  .filter((name) => !Object.hasOwn(BUILDERS, name))
  .map((name) => `${name}_configs`);
