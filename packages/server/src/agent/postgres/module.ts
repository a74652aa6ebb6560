// PostgreSQL, by the names of postgres_exporter (pg_*).
import { collectorModule } from "../interface.ts";
import { PostgresCollector } from "./collector.ts";
import { postgresSchema } from "./section.ts";

export const postgresModule = collectorModule({
  name: "postgres",
  schema: postgresSchema,
  create: (section, deps) => (section ? [new PostgresCollector(section, deps)] : []),
});
