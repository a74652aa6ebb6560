// Microsoft Teams by the retired connectors: a message card.
import type { MsTeamsConfig } from "../../alerts/config/index.ts";
import type { SafeHttpResponse } from "../../kernel/safe-http.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { type Verdict, verdictOf } from "../http.ts";
import { createHttpIntegration, type Plan } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import { urlSecrets } from "../masking.ts";
import { describedUrl } from "../secret-text.ts";
import { longestFitting, truncated } from "../text-limits.ts";

const CARD_BYTES_MAX = 28 * 1024;
const TITLE_CHARACTERS_MAX = 1024;
const COLOUR = { firing: "8C1A1A", resolved: "2DC72D" };

export function createMsTeams(config: MsTeamsConfig, deps: IntegrationDependencies): Integration {
  return createHttpIntegration(config, deps, {
    kind: "msteams",
    describe: async () => `Teams connector at ${await describedUrl(config.webhookUrl)}`,
    async plan(render, data): Promise<Plan> {
      const text = (name: string) => render.text(name, config.texts[name] ?? "");
      const url = await config.webhookUrl.reveal();
      const title = truncated(text("title"), TITLE_CHARACTERS_MAX);
      const card = {
        "@context": "http://schema.org/extensions",
        "@type": "MessageCard",
        title,
        summary: truncated(text("summary"), TITLE_CHARACTERS_MAX),
        themeColor: COLOUR[data.status],
      };
      const cardText = (part: string) => JSON.stringify({ ...card, text: part });
      const kept = longestFitting(text("text"), (part) => Buffer.byteLength(cardText(part)) <= CARD_BYTES_MAX);
      return {
        target: `Teams connector at ${await describedUrl(config.webhookUrl)}`,
        subject: title,
        exchanges: [{ url, body: cardText(kept) }],
        secrets: urlSecrets(url),
      };
    },
    verdict: connectorVerdict,
  });
}

/** Connectors answer 200 and tell in the text that what lies behind them did not take the card. */
export function connectorVerdict(response: SafeHttpResponse): Verdict {
  const verdict = verdictOf(response);
  if (verdict.kind !== "ok") return verdict;
  const text = response.body.toString("utf8");
  const status = Number(/returned HTTP error (\d{3})/i.exec(text)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) return verdict;
  return verdictOf({ ...response, status });
}
