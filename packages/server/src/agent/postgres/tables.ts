// The tables of the database that the agent is connected to, by the names of postgres_exporter's example queries.
import type { ColumnTypes, TableShape } from "./families.ts";

const COUNTERS: Readonly<Record<string, string>> = {
  seq_scan: "Number of sequential scans initiated on this table",
  seq_tup_read: "Number of live rows fetched by sequential scans",
  idx_scan: "Number of index scans initiated on this table",
  idx_tup_fetch: "Number of live rows fetched by index scans",
  n_tup_ins: "Number of rows inserted",
  n_tup_upd: "Number of rows updated",
  n_tup_del: "Number of rows deleted",
  n_tup_hot_upd: "Number of rows HOT updated (i.e., with no separate index update required)",
  vacuum_count: "Number of times this table has been manually vacuumed (not counting VACUUM FULL)",
  autovacuum_count: "Number of times this table has been vacuumed by the autovacuum daemon",
  analyze_count: "Number of times this table has been manually analyzed",
  autoanalyze_count: "Number of times this table has been analyzed by the autovacuum daemon",
};
const GAUGES: Readonly<Record<string, string>> = {
  n_live_tup: "Estimated number of live rows",
  n_dead_tup: "Estimated number of dead rows",
  n_mod_since_analyze: "Estimated number of rows changed since last analyze",
};
const TIMES: Readonly<Record<string, string>> = {
  last_vacuum: "Last time at which this table was manually vacuumed (not counting VACUUM FULL)",
  last_autovacuum: "Last time at which this table was vacuumed by the autovacuum daemon",
  last_analyze: "Last time at which this table was manually analyzed",
  last_autoanalyze: "Last time at which this table was analyzed by the autovacuum daemon",
};
const BLOCKS: Readonly<Record<string, string>> = {
  heap_blks_read: "Number of disk blocks read from this table",
  heap_blks_hit: "Number of buffer hits in this table",
  idx_blks_read: "Number of disk blocks read from all indexes on this table",
  idx_blks_hit: "Number of buffer hits in all indexes on this table",
  toast_blks_read: "Number of disk blocks read from this table's TOAST table (if any)",
  toast_blks_hit: "Number of buffer hits in this table's TOAST table (if any)",
  tidx_blks_read: "Number of disk blocks read from this table's TOAST table indexes (if any)",
  tidx_blks_hit: "Number of buffer hits in this table's TOAST table indexes (if any)",
};

const typed = (type: "counter" | "gauge", helps: Readonly<Record<string, string>>): ColumnTypes =>
  Object.fromEntries(Object.entries(helps).map(([name, help]) => [name, [type, help] as const]));

export const USER_TABLES: TableShape & { readonly sql: string } = {
  prefix: "pg_stat_user_tables_",
  values: { ...typed("counter", COUNTERS), ...typed("gauge", { ...GAUGES, ...TIMES }) },
  // Never vacuumed is 0, as in the example queries: age alerts then see the oldest of all.
  sql: `
    SELECT current_database() AS datname, schemaname, relname, ${[...Object.keys(COUNTERS), ...Object.keys(GAUGES)].join(", ")},
      ${Object.keys(TIMES)
        .map((name) => `coalesce(extract(epoch FROM ${name}), 0) AS ${name}`)
        .join(", ")}
    FROM pg_stat_user_tables ORDER BY n_live_tup DESC, schemaname, relname LIMIT $1`,
};

export const USER_TABLE_BLOCKS: TableShape & { readonly sql: string } = {
  prefix: "pg_statio_user_tables_",
  values: typed("counter", BLOCKS),
  sql: `
    SELECT current_database() AS datname, io.schemaname, io.relname, ${Object.keys(BLOCKS).join(", ")}
    FROM pg_statio_user_tables io JOIN pg_stat_user_tables t USING (relid)
    ORDER BY t.n_live_tup DESC, io.schemaname, io.relname LIMIT $1`,
};
