// Redis, by the names of redis_exporter (redis_*).
import { collectorModule } from "../interface.ts";
import { RedisCollector } from "./collector.ts";
import { redisSchema } from "./section.ts";

export const redisModule = collectorModule({
  name: "redis",
  schema: redisSchema,
  create: (section, deps) => (section ? [new RedisCollector(section, deps)] : []),
});
