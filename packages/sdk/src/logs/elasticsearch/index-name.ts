// In which index a line belongs: the tenant's of the day, so that one shop's lines can be read, kept and deleted alone.
import { createHash } from "node:crypto";
import { tenantIdOf, UNKNOWN_TENANT } from "../../tenant/tenant-id.ts";

const DAY_MS = 86_400_000;
const PLAIN = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const MAX_BYTES = 255;
const MEMO_MAX = 1000;

/**
 * The part of an index name that stands for a tenant; two tenants never share one.
 * An id of small letters, digits, `.`, `_` and `-` stands as it is. Others are written in small letters and get `~` and 12
 * digits of their hash, as index names know no capitals. So do ids with `-logs` in them, whose indices would else be matched
 * by `tenant-<beginning>-logs-*`, the pattern of another tenant; there `-logs` becomes `_logs`.
 */
export function normalisedTenant(id: string): string {
  if (PLAIN.test(id) && !id.includes("-logs")) return id;
  const small = id.toLowerCase().replaceAll("-logs", "_logs");
  return `${small}~${createHash("sha256").update(id).digest("hex").slice(0, 12)}`;
}

/** Names of default indices: `tenant-<tenant>-logs-YYYY.MM.DD`, or `system-logs-YYYY.MM.DD` for what is no tenant's. */
export class IndexNames {
  private readonly prefixes = new Map<string, string>();
  private day = Number.NaN;
  private dayText = "";

  /** `wallMs`: when the line was written; the day is UTC's. */
  of(tenantId: unknown, wallMs: number): string {
    return `${this.prefix(tenantId)}-logs-${this.dayOf(wallMs)}`;
  }

  private prefix(tenantId: unknown): string {
    // What the server takes for no tenant's id must not make indices: each costs it memory, and a client may have sent it.
    const id = tenantIdOf(tenantId);
    if (id === undefined || id === UNKNOWN_TENANT) return "system";
    let prefix = this.prefixes.get(id);
    if (prefix === undefined) {
      if (this.prefixes.size >= MEMO_MAX) this.prefixes.clear();
      prefix = `tenant-${normalisedTenant(id)}`;
      this.prefixes.set(id, prefix);
    }
    return prefix;
  }

  private dayOf(wallMs: number): string {
    const day = Math.floor(wallMs / DAY_MS);
    if (day !== this.day) {
      this.day = day;
      this.dayText = new Date(wallMs).toISOString().slice(0, 10).replaceAll("-", ".");
    }
    return this.dayText;
  }
}

/** Whether an index may have this name; the server would refuse each line of one that may not. */
export function isIndexName(name: unknown): name is string {
  return (
    typeof name === "string" &&
    /^[^-_+.\s]/.test(name) &&
    !/[\\/*?"<>|,#:\s]/.test(name) &&
    name === name.toLowerCase() &&
    Buffer.byteLength(name) <= MAX_BYTES
  );
}
