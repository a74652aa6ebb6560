// Keys by pattern: asked for by name only, with SCAN (never KEYS, which stops the server), and with limits.
import type { Families } from "../families.ts";
import type { RedisConnection } from "./connection.ts";
import type { RedisReply } from "./resp.ts";
import type { KeyPattern, RedisSection } from "./section.ts";

/** Of each SCAN: about 0.1 ms of the server's time. */
const BATCH = 1000;

/** Command that tells the size of a value of the type. */
const SIZE_OF: Readonly<Record<string, string>> = {
  string: "STRLEN",
  list: "LLEN",
  set: "SCARD",
  zset: "ZCARD",
  hash: "HLEN",
  stream: "XLEN",
};

export async function addKeys(out: Families, connection: RedisConnection, section: RedisSection): Promise<void> {
  const { count_keys: counted, check_keys: checked } = section;
  if (counted.length + checked.length === 0) return;
  for (const { db, pattern } of counted) {
    await connection.must("SELECT", String(db));
    const { found, isComplete } = await scan(connection, pattern, section.scan_keys_max, Number.POSITIVE_INFINITY);
    const labels = { db: `db${db}`, key: pattern };
    addScan(out, labels, isComplete);
    // A part of a count looks like a fall of it.
    if (isComplete) out.gauge("redis_keys_count", "Count of keys", found.size, labels);
  }
  let left = section.check_keys_max;
  const shown = new Set<string>();
  for (const { db, pattern } of checked) {
    await connection.must("SELECT", String(db));
    const { found, isComplete } = await scan(connection, pattern, section.scan_keys_max, left);
    addScan(out, { db: `db${db}`, key: pattern }, isComplete);
    for (const key of found) {
      if (shown.has(`${db} ${key}`)) continue;
      shown.add(`${db} ${key}`);
      left--;
      await addKey(out, connection, db, key);
    }
  }
  await connection.must("SELECT", "0");
}

function addScan(out: Families, labels: { readonly db: string; readonly key: string }, isComplete: boolean): void {
  const help = "If all keys of the pattern were seen within scan_keys_max and check_keys_max.";
  out.gauge("redis_keys_scan_complete", help, isComplete ? 1 : 0, labels);
}

async function scan(
  connection: RedisConnection,
  pattern: KeyPattern["pattern"],
  seenMax: number,
  foundMax: number,
): Promise<{ readonly found: ReadonlySet<string>; readonly isComplete: boolean }> {
  const found = new Set<string>();
  let cursor = "0";
  for (let seen = 0; seen < seenMax; seen += BATCH) {
    const reply = await connection.must("SCAN", cursor, "MATCH", pattern, "COUNT", String(BATCH));
    const [next, keys] = scanReply(reply);
    for (const key of keys) {
      if (found.size >= foundMax) return { found, isComplete: false };
      found.add(key);
    }
    if (next === "0") return { found, isComplete: true };
    cursor = next;
  }
  return { found, isComplete: false };
}

function scanReply(reply: RedisReply): readonly [cursor: string, keys: readonly string[]] {
  if (!Array.isArray(reply)) throw new Error("SCAN gave no list");
  const [cursor, keys] = reply as readonly RedisReply[];
  if (typeof cursor !== "string" || !Array.isArray(keys)) throw new Error("SCAN gave no list");
  return [cursor, keys.filter((key): key is string => typeof key === "string")];
}

async function addKey(out: Families, connection: RedisConnection, db: number, key: string): Promise<void> {
  const type = await connection.must("TYPE", key);
  const command = SIZE_OF[String(type)];
  if (command === undefined) return;
  const labels = { db: `db${db}`, key };
  const size = await connection.ask(command, key);
  if (typeof size !== "number") return;
  out.gauge("redis_key_size", 'The length or size of "key"', size, labels);
  if (type !== "string" || size > 64) return;
  const text = await connection.ask("GET", key);
  const value = typeof text === "string" && text.trim() !== "" ? Number(text) : Number.NaN;
  if (!Number.isNaN(value)) out.gauge("redis_key_value", 'The value of "key"', value, labels);
}
