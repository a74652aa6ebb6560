// pg_settings as gauges: booleans and numbers, in seconds and bytes.
import type { Families } from "../families.ts";
import type { LabelValues } from "../interface.ts";
import type { Session } from "./session.ts";

const SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 };
const BYTES: Readonly<Record<string, number>> = { B: 1, kB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

/** What this session set for itself: shown is what others get. */
const OWN = [
  "default_transaction_read_only",
  "idle_in_transaction_session_timeout",
  "lock_timeout",
  "statement_timeout",
  "transaction_read_only",
];

const SETTINGS_SQL = `
  SELECT name, CASE WHEN name IN (${OWN.map((name) => `'${name}'`).join(", ")}) THEN reset_val ELSE setting END,
    coalesce(unit, ''), short_desc, vartype
  FROM pg_settings WHERE vartype IN ('bool', 'integer', 'real')`;

export async function addSettings(out: Families, session: Session, labels: LabelValues): Promise<void> {
  const { rows } = await session.query(SETTINGS_SQL);
  for (const [name, setting, unit, help, type] of rows) {
    const found = settingValue(setting ?? "", unit ?? "", type ?? "");
    if (!found) continue;
    const metric = `pg_settings_${(name ?? "").replace(/[^A-Za-z0-9_]/g, "_")}${found.unit === "" ? "" : `_${found.unit}`}`;
    const converted = found.unit === "" ? "" : ` [Units converted to ${found.unit}.]`;
    out.gauge(metric, `${help ?? ""}${converted}`, found.value, labels);
  }
}

/** In the base unit; -1 keeps its meaning. Undefined for a unit that is not known (of an extension). */
export function settingValue(
  setting: string,
  unit: string,
  type: string,
): { readonly value: number; readonly unit: "" | "seconds" | "bytes" } | undefined {
  if (type === "bool") return { value: setting === "on" ? 1 : 0, unit: "" };
  const value = Number(setting);
  if (Number.isNaN(value)) return undefined;
  if (unit === "") return { value, unit: "" };
  const seconds = SECONDS[unit];
  if (seconds !== undefined) return { value: value === -1 ? -1 : scaled(value, seconds), unit: "seconds" };
  // Blocks have their size before the unit: `8kB`, `16MB`.
  const [, count = "", word = ""] = /^(\d*)([A-Za-z]+)$/.exec(unit) ?? [];
  const bytes = BYTES[word];
  if (bytes === undefined) return undefined;
  return { value: value === -1 ? -1 : value * bytes * (count === "" ? 1 : Number(count)), unit: "bytes" };
}

/** Divided where that is exact: 2 ms is 0.002. */
function scaled(value: number, factor: number): number {
  return factor < 1 ? value / Math.round(1 / factor) : value * factor;
}
