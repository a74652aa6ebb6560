// Every kind of receiver: one folder and one line here.
import type {
  EmailConfig,
  IntegrationConfig,
  SlackConfig,
  UnsupportedConfig,
  WebhookConfig,
} from "../alerts/config/index.ts";
import type { IntegrationDependencies } from "./dependencies.ts";
import { createEmail } from "./email/email.ts";
import type { Integration } from "./interface.ts";
import { createSlack } from "./slack/slack.ts";
import { createUnsupported } from "./unsupported.ts";
import { createWebhook } from "./webhook/webhook.ts";

type Maker<C> = (config: C, deps: IntegrationDependencies) => Integration;

const MAKERS = {
  email: createEmail,
  slack: createSlack,
  webhook: createWebhook,
  unsupported: createUnsupported,
} satisfies { [K in IntegrationConfig["kind"]]: Maker<Extract<IntegrationConfig, { kind: K }>> };

export function createIntegration(config: IntegrationConfig, deps: IntegrationDependencies): Integration {
  const make: Maker<never> = MAKERS[config.kind];
  return (make as Maker<EmailConfig | SlackConfig | WebhookConfig | UnsupportedConfig>)(config, deps);
}
