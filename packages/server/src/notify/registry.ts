// Every kind of receiver: one folder and one line here.
import type { IntegrationConfig } from "../alerts/config/index.ts";
import type { IntegrationDependencies } from "./dependencies.ts";
import { createDiscord } from "./discord/discord.ts";
import { createEmail } from "./email/email.ts";
import { createHttpTemplate } from "./http-template/http-template.ts";
import type { Integration } from "./interface.ts";
import { createMsTeams } from "./msteams/msteams.ts";
import { createMsTeamsV2 } from "./msteamsv2/msteamsv2.ts";
import { createOpsgenie } from "./opsgenie/opsgenie.ts";
import { createPagerDuty } from "./pagerduty/pagerduty.ts";
import { createPushover } from "./pushover/pushover.ts";
import { createSlack } from "./slack/slack.ts";
import { createTelegram } from "./telegram/telegram.ts";
import { createUnsupported } from "./unsupported.ts";
import { createVictorOps } from "./victorops/victorops.ts";
import { createWebhook } from "./webhook/webhook.ts";

type Maker<C> = (config: C, deps: IntegrationDependencies) => Integration;

const MAKERS = {
  discord: createDiscord,
  email: createEmail,
  http: createHttpTemplate,
  msteams: createMsTeams,
  msteamsv2: createMsTeamsV2,
  opsgenie: createOpsgenie,
  pagerduty: createPagerDuty,
  pushover: createPushover,
  slack: createSlack,
  telegram: createTelegram,
  unsupported: createUnsupported,
  victorops: createVictorOps,
  webhook: createWebhook,
} satisfies { [K in IntegrationConfig["kind"]]: Maker<Extract<IntegrationConfig, { kind: K }>> };

export function createIntegration(config: IntegrationConfig, deps: IntegrationDependencies): Integration {
  const make: Maker<never> = MAKERS[config.kind];
  return (make as Maker<IntegrationConfig>)(config, deps);
}
