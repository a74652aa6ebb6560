// Pushover: a message to a user or group.
import type { PushoverConfig } from "../../alerts/config/index.ts";
import type { SafeHttpResponse } from "../../kernel/safe-http.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { type Verdict, verdictOf } from "../http.ts";
import { createHttpIntegration, jsonOf, type Plan } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import type { Renderer } from "../renderer.ts";
import { renderedSecret } from "../secret-text.ts";
import { textOfHtml, truncated } from "../text-limits.ts";

const URL_OF_MESSAGES = "https://api.pushover.net/1/messages.json";
const MAX = { title: 250, message: 1024, url: 512, urlTitle: 100 };
/** Bounds of the service for emergency messages. */
const RETRY_SECONDS_MIN = 30;
const EXPIRE_SECONDS_MAX = 10_800;
/** "No sooner than 5 seconds", says the service of its 5xx. */
const PAUSE_AFTER_ERROR_MS = 5000;

export function createPushover(
  config: PushoverConfig,
  deps: IntegrationDependencies & { readonly pushoverUrl?: string },
): Integration {
  return createHttpIntegration(config, deps, {
    kind: "pushover",
    describe: async () => "Pushover",
    async plan(render, data): Promise<Plan> {
      const token = await renderedSecret(render, "token", config.token);
      const user = await renderedSecret(render, "user_key", config.userKey);
      const text = (name: string) => render.text(name, config.texts[name] ?? "");
      const title = truncated(text("title"), MAX.title);
      const form = new URLSearchParams({
        token,
        user,
        title,
        ...messageOf(config, render),
        ...someOf({
          url: truncated(text("url"), MAX.url),
          url_title: truncated(text("url_title"), MAX.urlTitle),
          device: text("device"),
          sound: text("sound"),
          priority: text("priority"),
        }),
        retry: String(Math.max(RETRY_SECONDS_MIN, Math.round(config.retryMs / 1000))),
        expire: String(Math.min(EXPIRE_SECONDS_MAX, Math.round(config.expireMs / 1000))),
      });
      if (config.ttlMs > 0) form.set("ttl", String(Math.round(config.ttlMs / 1000)));
      return {
        target: `Pushover${data.receiver ? ` for ${data.receiver}` : ""}`,
        subject: title,
        exchanges: [
          {
            url: deps.pushoverUrl ?? URL_OF_MESSAGES,
            body: form.toString(),
            contentType: "application/x-www-form-urlencoded",
          },
        ],
        secrets: [token, user],
      };
    },
    verdict: pushoverVerdict,
  });
}

/** The service refuses an empty message. HTML that is too long goes as plain text: a cut tag would show as garbage. */
function messageOf(config: PushoverConfig, render: Renderer): Record<string, string> {
  const template = config.texts.message;
  const whole = (config.html ? render.html("message", template) : render.text("message", template)).trim();
  const kept = config.html && [...whole].length <= MAX.message;
  const message = config.html && !kept ? textOfHtml(whole) : whole;
  return {
    message: truncated(message, MAX.message).trim() || "(no details)",
    ...(kept && { html: "1" }),
    ...(config.monospace && { monospace: "1" }),
  };
}

function someOf(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
}

/** 4xx stays one, also 429: the month's messages are used up. */
export function pushoverVerdict(response: SafeHttpResponse): Verdict {
  const verdict = verdictOf(response);
  const answer = jsonOf(response);
  const errors = Array.isArray(answer?.errors) ? `: ${answer.errors.map(String).join(", ")}` : "";
  if (verdict.kind === "ok") {
    if (!answer) return { kind: "retry", reason: "the answer is not Pushover's" };
    return answer.status === 1 ? verdict : { kind: "refused", reason: `refused by Pushover${errors}` };
  }
  if (response.status < 500) {
    return { kind: "refused", reason: errors ? `unexpected status code ${response.status}${errors}` : verdict.reason };
  }
  return { kind: "retry", reason: verdict.reason, retryAfterMs: PAUSE_AFTER_ERROR_MS };
}
