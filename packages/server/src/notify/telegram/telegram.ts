// Telegram: a message of a bot to a chat.
import type { TelegramConfig } from "../../alerts/config/index.ts";
import type { SafeHttpResponse } from "../../kernel/safe-http.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { type Exchange, type Verdict, verdictOf } from "../http.ts";
import { createHttpIntegration, jsonOf, type Plan, withoutEmpty } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import { escapedHtml, textOfHtml, truncatedUnits } from "../text-limits.ts";

/** Counted without markup, in UTF-16 units: as the service counts. */
const TEXT_UNITS_MAX = 4096;
/** Of the text with its markup. */
const MARKUP_BYTES_MAX = 1 << 15;

export function createTelegram(config: TelegramConfig, deps: IntegrationDependencies): Integration {
  return createHttpIntegration(config, deps, {
    kind: "telegram",
    describe: async () => `Telegram chat ${await config.chatId.reveal()}`,
    async plan(render): Promise<Plan> {
      const { parseMode } = config;
      const template = config.texts.message;
      const text = parseMode === "HTML" ? render.html("message", template) : render.text("message", template);
      const token = await config.botToken.reveal();
      const chat = await config.chatId.reveal();
      if (!/^-?\d{1,19}$/.test(chat)) throw new Error("could not parse chat_id: a whole number is wanted");
      const message = withoutEmpty({
        chat_id: Number.isSafeInteger(Number(chat)) ? Number(chat) : chat,
        text: telegramText(text, parseMode),
        parse_mode: parseMode,
        disable_web_page_preview: true,
        disable_notification: config.disableNotifications || undefined,
        message_thread_id: config.messageThreadId || undefined,
      });
      return {
        target: `Telegram chat ${chat}`,
        subject: firstLine(parseMode === "HTML" ? textOfHtml(text) : text),
        exchanges: [{ url: `${config.apiUrl}/bot${token}/sendMessage`, body: JSON.stringify(message) }],
        // The part after the colon alone opens nothing, but there is no use in showing it.
        secrets: [token, ...token.split(":")],
      };
    },
    verdict: telegramVerdict,
    instead: withoutMarkup,
  });
}

/** What is too long loses its markup and then its end: tags cut in the middle would have it refused. */
export function telegramText(text: string, parseMode: string): string {
  const trimmed = text.trim() || "(no details)";
  if (parseMode !== "HTML") return truncatedUnits(trimmed, TEXT_UNITS_MAX);
  const plain = textOfHtml(trimmed);
  if (plain.length <= TEXT_UNITS_MAX && Buffer.byteLength(trimmed) <= MARKUP_BYTES_MAX) return trimmed;
  return escapedHtml(truncatedUnits(plain, TEXT_UNITS_MAX));
}

/** A template's markup that Telegram does not take: better the words alone than nothing. */
function withoutMarkup(exchange: Exchange, response: SafeHttpResponse): Exchange | undefined {
  const { description } = jsonOf(response) ?? {};
  if (response.status !== 400 || !/can't parse entities/i.test(String(description))) return undefined;
  const { parse_mode: mode, ...message } = JSON.parse(exchange.body ?? "{}") as Record<string, unknown>;
  if (mode === undefined) return undefined;
  const text = mode === "HTML" ? textOfHtml(String(message.text)) : message.text;
  return { ...exchange, body: JSON.stringify({ ...message, text: truncatedUnits(String(text), TEXT_UNITS_MAX) }) };
}

function firstLine(text: string): string {
  const line = text.trim().split("\n", 1)[0];
  return truncatedUnits(line, 200);
}

/** The answer says what the status does not: ok, how long to wait, what is wrong. */
export function telegramVerdict(response: SafeHttpResponse): Verdict {
  const verdict = verdictOf(response);
  const answer = jsonOf(response);
  if (verdict.kind === "ok") {
    if (answer?.ok === true) return verdict;
    return { kind: "retry", reason: "the answer is not Telegram's" };
  }
  if (!answer) return verdict;
  const reason = `unexpected status code ${response.status}: ${String(answer.description ?? "")}`;
  if (verdict.kind === "refused") return { kind: "refused", reason };
  const { retry_after: seconds } = (answer.parameters ?? {}) as { readonly retry_after?: unknown };
  const waitMs = typeof seconds === "number" && seconds >= 0 ? seconds * 1000 : verdict.retryAfterMs;
  return { ...verdict, reason, retryAfterMs: waitMs };
}
