// Every subject that the agent can watch: a line each. The key is the section of agent.yml.
import { certificatesModule } from "./certificates/module.ts";
import { containersModule } from "./containers/module.ts";
import { hostModule } from "./host/module.ts";
import type { CollectorModule } from "./interface.ts";
import { kubernetesModule } from "./kubernetes/module.ts";
import { postgresModule } from "./postgres/module.ts";
import { processGroupsModule } from "./process-groups/module.ts";
import { redisModule } from "./redis/module.ts";

export const MODULES = {
  host: hostModule,
  process_groups: processGroupsModule,
  certificates: certificatesModule,
  containers: containersModule,
  kubernetes: kubernetesModule,
  postgres: postgresModule,
  redis: redisModule,
} as const satisfies Readonly<Record<string, CollectorModule>>;
