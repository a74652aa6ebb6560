// Rows → families: which column is a label, which a value and of what type.
import type { Families } from "../families.ts";
import type { LabelValues } from "../interface.ts";
import type { Rows } from "./session.ts";

/** Column → type and help; what is not named here is a label. */
export type ColumnTypes = Readonly<Record<string, readonly [type: "counter" | "gauge" | "untyped", help: string]>>;

/** `t` and `f` are 1 and 0, NULL is NaN as postgres_exporter gives it. */
export function numberOf(text: string | null): number {
  if (text === null) return Number.NaN;
  if (text === "t") return 1;
  if (text === "f") return 0;
  return text.trim() === "" ? Number.NaN : Number(text);
}

export interface TableShape {
  /** Before the column's name: `pg_stat_database_`. */
  readonly prefix: string;
  /** After it: `_total`. */
  readonly suffix?: string;
  readonly values: ColumnTypes;
}

/** Every column that is no value is a label with its own name. */
export function addTable(out: Families, { columns, rows }: Rows, shape: TableShape, common: LabelValues): void {
  const { prefix, suffix = "", values } = shape;
  for (const row of rows) {
    const labels: Record<string, string> = {};
    columns.forEach(({ name }, i) => {
      if (!(name in values)) labels[name] = row[i] ?? "";
    });
    Object.assign(labels, common);
    columns.forEach(({ name }, i) => {
      const known = values[name];
      if (!known) return;
      const [type, help] = known;
      out.add(`${prefix}${name}${suffix}`, help, type, { labels, value: numberOf(row[i]) });
    });
  }
}
