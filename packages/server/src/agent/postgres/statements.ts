// pg_stat_statements: the heaviest by total time and by mean time, by the names of postgres_exporter's collector of it.
import type { Families } from "../families.ts";
import type { LabelValues } from "../interface.ts";
import { numberOf } from "./families.ts";
import type { Session } from "./session.ts";

const LABEL_COLUMNS = 3;
const METRICS: ReadonlyArray<readonly [name: string, type: "counter" | "gauge", help: string]> = [
  ["calls_total", "counter", "Number of times executed"],
  ["seconds_total", "counter", "Total time spent in the statement, in seconds"],
  ["mean_seconds", "gauge", "Mean time spent in one execution of the statement, in seconds"],
  ["rows_total", "counter", "Total number of rows retrieved or affected by the statement"],
  ["block_read_seconds_total", "counter", "Total time the statement spent reading blocks, in seconds"],
  ["block_write_seconds_total", "counter", "Total time the statement spent writing blocks, in seconds"],
];

/** The extension's columns by its own version, which an upgraded server may have left at an older one. */
export function statementsSql(extension: readonly [major: number, minor: number], schema: string): string {
  const isSince = (minor: number) => extension[0] > 1 || extension[1] >= minor;
  const total = isSince(8) ? "total_exec_time" : "total_time";
  const [read, write] = isSince(11)
    ? ["shared_blk_read_time + local_blk_read_time", "shared_blk_write_time + local_blk_write_time"]
    : ["blk_read_time", "blk_write_time"];
  // Two places where one statement is counted (as such and inside a function) are one series.
  return `
    WITH s AS (
      SELECT userid, dbid, queryid, sum(calls) AS calls, sum(${total}) AS total, sum(rows) AS rows,
        sum(${read}) AS read, sum(${write}) AS write, min(query) AS query
      FROM "${schema.replaceAll('"', '""')}".pg_stat_statements
      WHERE queryid IS NOT NULL GROUP BY userid, dbid, queryid
    ), ranked AS (
      SELECT *, row_number() OVER (ORDER BY total DESC) AS by_total,
        row_number() OVER (ORDER BY total / greatest(calls, 1) DESC) AS by_mean
      FROM s
    )
    SELECT pg_get_userbyid(userid), coalesce(d.datname, ''), queryid,
      calls, total / 1000, total / 1000 / greatest(calls, 1), rows, read / 1000, write / 1000, left(query, $2)
    FROM ranked LEFT JOIN pg_database d ON d.oid = dbid
    WHERE by_total <= $1 OR by_mean <= $1`;
}

/** Does nothing where the extension is not there. */
export async function addStatements(
  out: Families,
  session: Session,
  { top, textLength }: { readonly top: number; readonly textLength: number },
  common: LabelValues,
): Promise<void> {
  const found = await session.query(
    "SELECT e.extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'",
  );
  const [extension] = found.rows;
  if (!extension) return;
  const [major = 1, minor = 0] = (extension[0] ?? "").split(".").map(Number);
  const sql = statementsSql([major, minor], extension[1] ?? "public");
  const { rows } = await session.query(sql, [top, Math.max(textLength, TEXT_FOR_VERB)]);
  const told = new Set<string>();
  for (const row of rows) {
    const [user, datname, queryid] = row.map((value) => value ?? "");
    const labels = { user, datname, queryid, ...common };
    METRICS.forEach(([name, type, help], i) => {
      out.add(`pg_stat_statements_${name}`, help, type, { labels, value: numberOf(row[LABEL_COLUMNS + i]) });
    });
    if (textLength === 0 || told.has(queryid)) continue;
    told.add(queryid);
    const query = shownText(row.at(-1) ?? "", textLength);
    const help = "Text of the statement, with its constants taken out; the value is 1";
    out.gauge("pg_stat_statements_query_id", help, 1, { queryid, query, ...common });
  }
}

const TEXT_FOR_VERB = 40;

/**
 * PostgreSQL takes constants out of what it plans, not out of the rest: `ALTER ROLE … PASSWORD '…'` stands there as it was
 * written. Of those only the first words are shown.
 */
export function shownText(query: string, length: number): string {
  const text = query
    .replace(/\s+/g, " ")
    .replace(/^( ?\/\*[^*]*\*\/)+/, "")
    .trim();
  if (/^(select|insert|update|delete|with|merge|values)\b/i.test(text)) return text.slice(0, length);
  const [verb] = /^[A-Za-z]+( [A-Za-z]+)?/.exec(text) ?? ["…"];
  return `${verb} …`.slice(0, Math.max(length, 1));
}
