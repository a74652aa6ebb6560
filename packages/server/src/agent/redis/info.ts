// INFO's text → families, by the names of redis_exporter.
import type { Families } from "../families.ts";
import type { LabelValues } from "../interface.ts";
import { COUNTERS, GAUGES } from "./names.ts";

export interface InfoSection {
  readonly name: string;
  /** Field → value, in the server's order. */
  readonly fields: ReadonlyMap<string, string>;
}

/** The sections of INFO. Lines that are no field are passed over. */
export function parseInfo(text: string): readonly InfoSection[] {
  const sections: Array<{ name: string; fields: Map<string, string> }> = [];
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line.startsWith("#")) {
      sections.push({ name: line.slice(1).trim(), fields: new Map() });
      continue;
    }
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    if (sections.length === 0) sections.push({ name: "", fields: new Map() });
    sections.at(-1)?.fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return sections;
}

/** `a=1,b=2` → its parts. */
function parseParts(text: string): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    if (equals > 0) parts.set(part.slice(0, equals), part.slice(equals + 1));
  }
  return parts;
}

/** A field's number: `ok` and `true` are 1, `err`, `fail` and `false` 0; undefined when it is a text. */
function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "ok" || text === "true" || text === "up") return 1;
  if (text === "err" || text === "fail" || text === "false") return 0;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

/** Without the time of the start, which needs a clock. */
export function addInfo(out: Families, sections: readonly InfoSection[]): void {
  const all = new Map<string, string>();
  for (const { name, fields } of sections) {
    for (const [field, value] of fields) {
      all.set(field, value);
      if (!addSpecial(out, name, field, value)) addField(out, field, value);
    }
  }
  addCommands(out, sectionOf(sections, "Commandstats"), sectionOf(sections, "Latencystats"));
  addMaster(out, sectionOf(sections, "Replication"));
  out.gauge("redis_instance_info", "Information about the Redis instance", 1, {
    role: all.get("role") ?? "",
    redis_version: all.get("redis_version") ?? "",
    redis_build_id: all.get("redis_build_id") ?? "",
    redis_mode: all.get("redis_mode") ?? "",
    os: all.get("os") ?? "",
    maxmemory_policy: all.get("maxmemory_policy") ?? "",
    tcp_port: all.get("tcp_port") ?? "",
    run_id: all.get("run_id") ?? "",
    process_id: all.get("process_id") ?? "",
  });
}

export function sectionOf(sections: readonly InfoSection[], name: string): ReadonlyMap<string, string> {
  return sections.find((section) => section.name === name)?.fields ?? new Map();
}

/** One field of INFO or CLUSTER INFO by its name; fields that have none are left out. */
export function addField(out: Families, field: string, text: string): void {
  const value = numberOf(text);
  if (value === undefined) return;
  const counter = COUNTERS[field];
  if (counter !== undefined) out.counter(`redis_${counter}`, `${counter} metric`, value);
  const gauge = GAUGES[field] ?? (/^cluster_[a-z_]+$/.test(field) ? field : undefined);
  if (gauge === undefined) return;
  out.gauge(`redis_${gauge}`, `${gauge} metric`, field === "latest_fork_usec" ? value / 1e6 : value);
}

/** True for a field that stands for several values or labels. */
function addSpecial(out: Families, section: string, field: string, text: string): boolean {
  if (section === "Keyspace") return addDatabase(out, field, parseParts(text));
  if (section === "Errorstats" && field.startsWith("errorstat_")) {
    const count = numberOf(parseParts(text).get("count"));
    const err = field.slice("errorstat_".length);
    if (count !== undefined) {
      out.counter("redis_errors_total", "Total number of errors per error type", count, { err });
    }
    return true;
  }
  if (section === "Replication" && /^slave\d+$/.test(field)) return addReplica(out, parseParts(text));
  return section === "Commandstats" || section === "Latencystats";
}

function addDatabase(out: Families, db: string, parts: ReadonlyMap<string, string>): boolean {
  const keys = numberOf(parts.get("keys"));
  const expiring = numberOf(parts.get("expires"));
  if (keys === undefined || expiring === undefined) return true;
  out.gauge("redis_db_keys", DB_KEYS, keys, { db });
  out.gauge("redis_db_keys_expiring", DB_KEYS_EXPIRING, expiring, { db });
  const ttlMs = numberOf(parts.get("avg_ttl"));
  if (ttlMs !== undefined) out.gauge("redis_db_avg_ttl_seconds", "Avg TTL in seconds", ttlMs / 1000, { db });
  return true;
}

const DB_KEYS = "Total number of keys by DB";
const DB_KEYS_EXPIRING = "Total number of expiring keys by DB";

/** INFO does not name databases without keys; they are 0. */
export function addEmptyDatabases(out: Families, count: number, named: ReadonlyMap<string, string>): void {
  for (let i = 0; i < count; i++) {
    const db = `db${i}`;
    if (named.has(db)) continue;
    out.gauge("redis_db_keys", DB_KEYS, 0, { db });
    out.gauge("redis_db_keys_expiring", DB_KEYS_EXPIRING, 0, { db });
  }
}

function addReplica(out: Families, parts: ReadonlyMap<string, string>): boolean {
  const labels = {
    slave_ip: parts.get("ip") ?? "",
    slave_port: parts.get("port") ?? "",
    slave_state: parts.get("state") ?? "",
  };
  const offset = numberOf(parts.get("offset"));
  if (offset !== undefined) {
    out.gauge("redis_connected_slave_offset_bytes", "Offset of connected slave", offset, labels);
  }
  const lag = numberOf(parts.get("lag"));
  if (lag !== undefined) out.gauge("redis_connected_slave_lag_seconds", "Lag of connected slave", lag, labels);
  return true;
}

/** What a replica says of its master. */
function addMaster(out: Families, fields: ReadonlyMap<string, string>): void {
  if (fields.get("role") !== "slave") return;
  const labels = { master_host: fields.get("master_host") ?? "", master_port: fields.get("master_port") ?? "" };
  const isUp = fields.get("master_link_status") === "up" ? 1 : 0;
  out.gauge("redis_master_link_up", "Master link status on Redis slave", isUp, labels);
  const gauge = (field: string, help: string) => {
    const value = numberOf(fields.get(field));
    if (value !== undefined) out.gauge(`redis_${field}`, help, value, labels);
  };
  gauge("master_last_io_seconds_ago", "Master last io seconds ago");
  gauge("master_sync_in_progress", "Master sync in progress");
  gauge("slave_repl_offset", "Slave replication offset");
  const readOnly = { ...labels, read_only: fields.get("slave_read_only") ?? "" };
  out.gauge("redis_slave_info", "Information about the Redis slave", 1, readOnly);
}

function addCommands(out: Families, stats: ReadonlyMap<string, string>, latencies: ReadonlyMap<string, string>): void {
  for (const [field, text] of stats) {
    const cmd = field.startsWith("cmdstat_") ? field.slice("cmdstat_".length) : undefined;
    const parts = parseParts(text);
    const calls = numberOf(parts.get("calls"));
    const micros = numberOf(parts.get("usec"));
    if (cmd === undefined || calls === undefined || micros === undefined) continue;
    const labels = { cmd };
    out.counter("redis_commands_total", "Total number of calls per command", calls, labels);
    const seconds = "Total amount of time in seconds spent per command";
    out.counter("redis_commands_duration_seconds_total", seconds, micros / 1e6, labels);
    addCount(out, "redis_commands_rejected_calls_total", REJECTED, parts.get("rejected_calls"), labels);
    addCount(out, "redis_commands_failed_calls_total", FAILED, parts.get("failed_calls"), labels);
    const percentiles = latencies.get(`latency_percentiles_usec_${cmd}`);
    if (percentiles !== undefined) addLatency(out, labels, parseParts(percentiles), micros, calls);
  }
}

const REJECTED = "Total number of calls that were refused before they ran, per command";
const FAILED = "Total number of calls that failed while they ran, per command";

function addCount(out: Families, name: string, help: string, text: string | undefined, labels: LabelValues): void {
  const value = numberOf(text);
  if (value !== undefined) out.counter(name, help, value, labels);
}

function addLatency(
  out: Families,
  labels: LabelValues,
  percentiles: ReadonlyMap<string, string>,
  sum: number,
  count: number,
): void {
  const name = "redis_latency_percentiles_usec";
  const help = "A summary of latency percentile distribution per command";
  for (const [percentile, text] of percentiles) {
    const value = numberOf(text);
    if (value === undefined || !/^p[\d.]+$/.test(percentile)) continue;
    out.add(name, help, "summary", { labels: { ...labels, quantile: percentile.slice(1) }, value });
  }
  out.add(name, help, "summary", { suffix: "_sum", labels, value: sum });
  out.add(name, help, "summary", { suffix: "_count", labels, value: count });
}
