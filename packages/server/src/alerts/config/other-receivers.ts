// Keys and checks of the receivers beside e-mail, Slack and webhook: those of Alertmanager 0.34, checked as upstream does,
// and our own `http_configs`. `service-receivers.ts` has those that this version delivers to.
import { z } from "zod";
import type { Builder } from "./builder.ts";
import type { GlobalInput } from "./global.ts";
import { httpSchema } from "./http.ts";
import {
  isEnvironmentReference,
  maybe,
  maybeDuration,
  maybeFlag,
  maybeInteger,
  maybeText,
  maybeUrl,
  textMap,
  urlProblem,
} from "./schema.ts";
import type { OtherInput } from "./service-receivers.ts";
import { isTemplate, templateProblem } from "./text-checks.ts";

const anything = maybe(z.unknown());

/** One key per word; all of them text. */
function textKeys(words: string): Record<string, typeof maybeText> {
  return Object.fromEntries(words.split(" ").map((word) => [word, maybeText]));
}

type Problem = string | undefined | false;

interface OtherKind {
  readonly schema: z.ZodType<OtherInput>;
  readonly sendResolved: boolean;
  /** With no value in the list (`- ` alone): missing, unless global settings alone could make it. */
  readonly emptyAllowed?: boolean;
  check(input: OtherInput, global: GlobalInput): readonly Problem[];
}

function kind(
  shape: z.core.$ZodLooseShape,
  check: OtherKind["check"] = () => [],
  more: { sendResolved?: boolean; emptyAllowed?: boolean } = {},
): OtherKind {
  const schema = z.strictObject({ send_resolved: maybeFlag, http_config: maybe(httpSchema), ...shape });
  return { schema: schema as unknown as z.ZodType<OtherInput>, check, sendResolved: true, ...more };
}

function either(input: OtherInput, key: string): boolean {
  return Boolean(input[key] || input[`${key}_file`]);
}

function both(input: OtherInput, key: string): Problem {
  return input[key] && input[`${key}_file`] ? `at most one of ${key} & ${key}_file must be configured` : undefined;
}

function oneOf(input: OtherInput, key: string): Problem {
  return both(input, key) || (!either(input, key) && `one of ${key} or ${key}_file must be configured`);
}

/** A secret that may come from `global` too. */
function inherited(input: OtherInput, key: string, global: GlobalInput, globalKey: string, message: string): Problem {
  return both(input, key) || (!either(input, key) && !either(global as OtherInput, globalKey) && message);
}

const pairs = maybe(z.array(z.strictObject({ title: maybeText, value: maybeText, short: maybeFlag })));

export const OTHER_KINDS: Readonly<Record<string, OtherKind>> = {
  discord: kind(
    { ...textKeys("title message content username avatar_url webhook_url_file"), webhook_url: maybeUrl },
    (input) => [oneOf(input, "webhook_url")],
  ),
  http: kind(
    {
      ...textKeys("url url_file method content_type body"),
      headers: textMap,
      timeout: maybeDuration,
    },
    (input) => [oneOf(input, "url"), ...httpProblems(input)],
  ),
  incidentio: kind(
    {
      url: maybeUrl,
      ...textKeys("url_file alert_source_token alert_source_token_file"),
      max_alerts: maybeInteger,
      timeout: maybeDuration,
      metadata: textMap,
    },
    (input) => [oneOf(input, "url"), both(input, "alert_source_token")],
  ),
  jira: kind(
    {
      ...textKeys(
        "api_url api_type project priority issue_type reopen_transition resolve_transition wont_fix_resolution",
      ),
      summary: anything,
      description: anything,
      labels: maybe(z.array(maybeText)),
      reopen_duration: maybeDuration,
      fields: maybe(z.record(z.string(), z.unknown())),
      custom_fields: maybe(z.record(z.string(), z.unknown())),
    },
    (input, global) => [
      !input.project && "missing project in jira_config",
      !input.issue_type && "missing issue_type in jira_config",
      !input.api_url && !global.jira_api_url && "no global Jira Cloud URL set",
    ],
  ),
  mattermost: kind(
    {
      webhook_url: maybeUrl,
      ...textKeys(
        "webhook_url_file channel username text fallback color pretext author_name author_link author_icon title title_link thumb_url footer footer_icon image_url icon_url icon_emoji type",
      ),
      fields: pairs,
      attachments: anything,
      props: anything,
      priority: anything,
    },
    (input, global) => [
      inherited(
        input,
        "webhook_url",
        global,
        "mattermost_webhook_url",
        "no Mattermost webhook URL set either inline or in a file",
      ),
    ],
  ),
  msteams: kind({ webhook_url: maybeUrl, ...textKeys("webhook_url_file title summary text") }, (input) => [
    oneOf(input, "webhook_url"),
  ]),
  msteamsv2: kind({ webhook_url: maybeUrl, ...textKeys("webhook_url_file title text") }, (input) => [
    oneOf(input, "webhook_url"),
  ]),
  opsgenie: kind(
    {
      ...textKeys("api_key api_key_file message description source entity actions tags note priority"),
      api_url: maybeUrl,
      details: textMap,
      update_alerts: maybeFlag,
      responders: maybe(z.array(z.strictObject(textKeys("id name username type")))),
    },
    (input, global) => [
      inherited(
        input,
        "api_key",
        global,
        "opsgenie_api_key",
        "no global OpsGenie API Key set either inline or in a file",
      ),
      ...responderProblems(input),
    ],
    { emptyAllowed: true },
  ),
  pagerduty: kind(
    {
      ...textKeys(
        "service_key service_key_file routing_key routing_key_file client client_url description severity source class component group",
      ),
      url: maybeUrl,
      details: maybe(z.record(z.string(), z.unknown())),
      images: maybe(z.array(z.strictObject(textKeys("href src alt")))),
      links: maybe(z.array(z.strictObject(textKeys("href text")))),
      timeout: maybeDuration,
    },
    (input) => [
      !either(input, "routing_key") &&
        !either(input, "service_key") &&
        "missing service or routing key in PagerDuty config",
      both(input, "routing_key"),
      both(input, "service_key"),
    ],
  ),
  pushover: kind(
    {
      ...textKeys("user_key user_key_file token token_file title message url url_title device sound priority"),
      retry: maybeDuration,
      expire: maybeDuration,
      ttl: maybeDuration,
      html: maybeFlag,
      monospace: maybeFlag,
    },
    (input) => [
      !either(input, "user_key") && "one of user_key or user_key_file must be configured",
      both(input, "user_key"),
      oneOf(input, "token"),
      input.html && input.monospace ? "either monospace or html must be configured" : undefined,
    ],
  ),
  rocketchat: kind(
    {
      ...textKeys(
        "token token_file token_id token_id_file channel color title title_link text emoji icon_url image_url thumb_url",
      ),
      api_url: maybeUrl,
      fields: pairs,
      short_fields: maybeFlag,
      link_names: maybeFlag,
      actions: maybe(z.array(z.strictObject(textKeys("type text url msg")))),
    },
    (input, global) => [
      inherited(
        input,
        "token_id",
        global,
        "rocketchat_token_id",
        "no global Rocketchat TokenID set either inline or in a file",
      ),
      inherited(
        input,
        "token",
        global,
        "rocketchat_token",
        "no global Rocketchat Token set either inline or in a file",
      ),
    ],
    { emptyAllowed: true },
  ),
  sns: kind(
    {
      ...textKeys("api_url topic_arn phone_number target_arn subject message"),
      sigv4: maybe(
        z.strictObject({
          ...textKeys("region access_key secret_key profile role_arn external_id service_name"),
          use_fips_sts_endpoint: maybeFlag,
        }),
      ),
      attributes: textMap,
    },
    (input) => [
      ["topic_arn", "phone_number", "target_arn"].filter((key) => input[key]).length !== 1 &&
        "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config",
    ],
  ),
  telegram: kind(
    {
      ...textKeys("bot_token bot_token_file chat_id_file message parse_mode"),
      api_url: maybeUrl,
      chat_id: maybeInteger,
      timeout: maybeDuration,
      message_thread_id: maybeInteger,
      disable_notifications: maybeFlag,
    },
    (input, global) => [
      inherited(
        input,
        "bot_token",
        global,
        "telegram_bot_token",
        "missing bot_token or bot_token_file on telegram_config",
      ),
      !either(input, "chat_id") && "missing chat_id or chat_id_file on telegram_config",
      both(input, "chat_id"),
      !["", "Markdown", "MarkdownV2", "HTML"].includes(String(input.parse_mode ?? "")) &&
        "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string",
    ],
  ),
  victorops: kind(
    {
      ...textKeys("api_key api_key_file routing_key message_type state_message entity_display_name monitoring_tool"),
      api_url: maybeUrl,
      custom_fields: textMap,
    },
    (input, global) => [
      !input.routing_key && "missing Routing key in VictorOps config",
      inherited(input, "api_key", global, "victorops_api_key", "no global VictorOps API Key set"),
      ...Object.keys((input.custom_fields as object | undefined) ?? {}).map(
        (key) =>
          [
            "routing_key",
            "message_type",
            "state_message",
            "entity_display_name",
            "monitoring_tool",
            "entity_id",
            "entity_state",
          ].includes(key) &&
          `victorOps config contains custom field ${key} which cannot be used as it conflicts with the fixed/static fields`,
      ),
    ],
  ),
  webex: kind({ ...textKeys("room_id message"), api_url: maybeUrl }, (input) => [
    !input.room_id && "missing room_id on webex_config",
    !(input.http_config as { authorization?: unknown } | undefined)?.authorization &&
      "missing webex_configs.http_config.authorization",
  ]),
  wechat: kind(
    {
      ...textKeys("api_secret api_secret_file corp_id message message_type agent_id to_user to_party to_tag"),
      api_url: maybeUrl,
    },
    (input, global) => [
      inherited(
        input,
        "api_secret",
        global,
        "wechat_api_secret",
        "no global Wechat Api Secret set either inline or in a file",
      ),
      !input.corp_id && !global.wechat_api_corp_id && "no global Wechat CorpID set",
      !["text", "markdown"].includes(String(input.message_type ?? "text")) &&
        `weChat message type "${input.message_type}" does not match valid options text|markdown`,
    ],
    { sendResolved: false, emptyAllowed: true },
  ),
};

const METHODS = ["POST", "PUT", "PATCH", "GET", "DELETE"];
/** Set by the client itself. */
const OWN_HEADERS = /^(host|content-length|content-type|transfer-encoding|connection|keep-alive|upgrade|te|trailer)$/i;

function httpProblems(input: OtherInput): Problem[] {
  const url = (input.url as string | undefined) ?? "";
  const method = (input.method as string | undefined) ?? "POST";
  const headers = Object.keys((input.headers as object | undefined) ?? {});
  const literal = url !== "" && !isEnvironmentReference(url);
  return [
    literal && (isTemplate(url) ? templateProblem(url) : urlProblem(url)),
    !METHODS.includes(method.toUpperCase()) && `unknown method "${method}", expected one of ${METHODS.join(", ")}`,
    ...headers.map((name) => {
      if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return `"${name}" is no name of a header`;
      return OWN_HEADERS.test(name) && `header ${name} cannot be set here`;
    }),
  ];
}

function responderProblems(input: OtherInput): Problem[] {
  const responders = (input.responders ?? []) as readonly Readonly<Record<string, string | undefined>>[];
  return responders.flatMap((responder) => {
    const named = responder.id || responder.name || responder.username;
    const type = responder.type ?? "";
    const known = /^(team|teams|user|escalation|schedule)$/i.test(type) || type.includes("{{");
    return [
      !named && "opsGenieConfig responder has to have at least one of id, username or name specified",
      !known &&
        `opsGenieConfig responder type "${type}" does not match valid options team|teams|user|escalation|schedule`,
    ];
  });
}

/** Reports what upstream would refuse. */
export function checkOther(
  builder: Builder,
  name: string,
  input: OtherInput,
  global: GlobalInput,
  path: ReadonlyArray<string | number>,
): void {
  const problem = OTHER_KINDS[name].check(input, global).find(Boolean);
  if (problem) builder.error(path, problem);
}
