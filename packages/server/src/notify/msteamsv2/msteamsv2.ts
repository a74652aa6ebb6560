// Microsoft Teams by a workflow: an adaptive card.
import type { MsTeamsV2Config } from "../../alerts/config/index.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { createHttpIntegration, type Plan } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import { urlSecrets } from "../masking.ts";
import { describedUrl } from "../secret-text.ts";
import { longestFitting, truncated } from "../text-limits.ts";

const MESSAGE_BYTES_MAX = 28 * 1024;
const TITLE_CHARACTERS_MAX = 1024;
const COLOUR = { firing: "Attention", resolved: "Good" };

export function createMsTeamsV2(config: MsTeamsV2Config, deps: IntegrationDependencies): Integration {
  return createHttpIntegration(config, deps, {
    kind: "msteamsv2",
    describe: async () => `Teams workflow at ${await describedUrl(config.webhookUrl)}`,
    async plan(render, data): Promise<Plan> {
      const url = await config.webhookUrl.reveal();
      const title = truncated(render.text("title", config.texts.title), TITLE_CHARACTERS_MAX);
      const message = (text: string) =>
        JSON.stringify(cardMessage({ title, text, color: COLOUR[data.status], link: data.externalUrl }));
      const text = longestFitting(
        render.text("text", config.texts.text),
        (part) => Buffer.byteLength(message(part)) <= MESSAGE_BYTES_MAX,
      );
      return {
        target: `Teams workflow at ${await describedUrl(config.webhookUrl)}`,
        subject: title,
        exchanges: [{ url, body: message(text) }],
        secrets: urlSecrets(url),
      };
    },
  });
}

interface Card {
  readonly title: string;
  readonly text: string;
  readonly color: string;
  readonly link: string;
}

function cardMessage({ title, text, color, link }: Card): object {
  const heading = { type: "TextBlock", text: title, weight: "Bolder", size: "Medium", wrap: true, style: "heading" };
  return {
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        contentUrl: null,
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          body: [
            { ...heading, color },
            { type: "TextBlock", text, wrap: true },
          ],
          ...(link && { actions: [{ type: "Action.OpenUrl", title: "Open Storewatch", url: link }] }),
          msteams: { width: "full" },
        },
      },
    ],
  };
}
