// Discord: one embed, to a channel's webhook.
import type { DiscordConfig } from "../../alerts/config/index.ts";
import type { SafeHttpResponse } from "../../kernel/safe-http.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { type Verdict, verdictOf } from "../http.ts";
import { createHttpIntegration, jsonOf, type Plan } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import { urlSecrets } from "../masking.ts";
import { describedUrl } from "../secret-text.ts";
import { truncatedUnits } from "../text-limits.ts";

const MAX = { title: 256, description: 4096, content: 2000, username: 80 };
const COLOUR = { firing: 0x992d22, resolved: 0x2ecc71 };

export function createDiscord(config: DiscordConfig, deps: IntegrationDependencies): Integration {
  return createHttpIntegration(config, deps, {
    kind: "discord",
    describe: async () => `Discord at ${await describedUrl(config.webhookUrl)}`,
    async plan(render, data): Promise<Plan> {
      const text = (name: string) => render.text(name, config.texts[name] ?? "");
      const url = await config.webhookUrl.reveal();
      const title = truncatedUnits(text("title"), MAX.title);
      const { username, avatar_url: avatar } = config.texts;
      const message = {
        content: truncatedUnits(text("content"), MAX.content),
        embeds: [{ title, description: truncatedUnits(text("message"), MAX.description), color: COLOUR[data.status] }],
        ...(username && { username: truncatedUnits(username, MAX.username) }),
        ...(URL.canParse(avatar) && { avatar_url: avatar }),
      };
      return {
        target: `Discord at ${await describedUrl(config.webhookUrl)}`,
        subject: title,
        exchanges: [{ url, body: JSON.stringify(message) }],
        secrets: urlSecrets(url),
      };
    },
    verdict: discordVerdict,
  });
}

/** A 429 tells in its JSON how long to wait, in seconds with fractions. */
export function discordVerdict(response: SafeHttpResponse): Verdict {
  const verdict = verdictOf(response);
  if (verdict.kind !== "retry" || response.status !== 429) return verdict;
  const seconds = Number(jsonOf(response)?.retry_after ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { ...verdict, retryAfterMs: Math.ceil(seconds * 1000) } : verdict;
}
