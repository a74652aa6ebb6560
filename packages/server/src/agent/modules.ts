// Every subject that the agent can watch: a line each. The key is the section of agent.yml.

import { hostModule } from "./host/module.ts";
import type { CollectorModule } from "./interface.ts";

export const MODULES = {
  host: hostModule,
} as const satisfies Readonly<Record<string, CollectorModule>>;
