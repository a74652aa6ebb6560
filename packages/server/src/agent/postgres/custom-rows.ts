// Rows of a custom query → families, by the file's rules and postgres_exporter's reading of them.
import { Families } from "../families.ts";
import type { LabelValues, MetricFamily } from "../interface.ts";
import type { ColumnRule, CustomQuery } from "./custom-file.ts";
import { numberOf } from "./families.ts";
import type { Row, Rows } from "./session.ts";

const BOOLEAN = 16;
/** date, timestamp, timestamptz; sent in ISO form and UTC. */
const TIMES: ReadonlySet<number> = new Set([1082, 1114, 1184]);
/** As Go writes durations: 1h2m3.5s, 250ms. */
const GO_UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

export interface CustomResult {
  readonly families: readonly MetricFamily[];
  /** Columns with values that are no numbers. */
  readonly problems: readonly string[];
}

type Cell = { readonly text: string | null; readonly typeId: number };

export function customFamilies(query: CustomQuery, found: Rows, version: number, common: LabelValues): CustomResult {
  const out = new Families();
  const problems = new Set<string>();
  const place = new Map(found.columns.map(({ name }, i) => [name, i]));
  const rules = [...query.columns].filter(([, { pg_version: range }]) => range === undefined || range(version));
  const labelled = rules.filter(([, { usage }]) => usage === "LABEL").map(([name]) => name);
  const cellOf = (row: Row, name: string): Cell | undefined => {
    const i = place.get(name);
    return i === undefined ? undefined : { text: row[i], typeId: found.columns[i].typeId };
  };
  for (const row of found.rows) {
    const labels: Record<string, string> = { ...common };
    for (const name of labelled) labels[name] = labelText(cellOf(row, name));
    for (const [name, rule] of rules) {
      if (rule.usage === "HISTOGRAM") {
        if (!addHistogram(out, query.name, name, rule, labels, (suffix) => cellOf(row, name + suffix)?.text)) {
          problems.add(name);
        }
        continue;
      }
      const cell = cellOf(row, name);
      if (cell && !addCell(out, query.name, name, rule, cell, labels)) problems.add(name);
    }
    for (const { name, typeId } of found.columns) {
      if (query.columns.has(name) || isPartOfHistogram(name, query)) continue;
      const value = numericValue({ text: cellOf(row, name)?.text ?? null, typeId });
      const metric = `${query.name}_${name}`;
      if (value !== undefined) out.untyped(metric, `Column ${name} of ${query.name}, without a rule`, value, labels);
    }
  }
  return { families: out.list(), problems: [...problems] };
}

function isPartOfHistogram(name: string, { columns }: CustomQuery): boolean {
  const base = name.replace(/_(bucket|sum|count)$/, "");
  return base !== name && columns.get(base)?.usage === "HISTOGRAM";
}

/** False when the value is no number. NULL is one: NaN. */
function addCell(
  out: Families,
  namespace: string,
  name: string,
  { usage, description, metric_mapping: mapping }: ColumnRule,
  cell: Cell,
  labels: LabelValues,
): boolean {
  if (usage === "LABEL" || usage === "DISCARD") return true;
  const metric = `${namespace}_${name}`;
  if (usage === "MAPPEDMETRIC") {
    const mapped = cell.text === null ? undefined : mapping?.[cell.text];
    if (mapped !== undefined) out.gauge(metric, description, mapped, labels);
    return mapped !== undefined || cell.text === null;
  }
  if (usage === "DURATION") {
    const milliseconds = cell.text === null ? undefined : durationMs(cell.text);
    if (milliseconds !== undefined) out.gauge(`${metric}_milliseconds`, description, milliseconds, labels);
    return milliseconds !== undefined || cell.text === null;
  }
  const value = numericValue(cell);
  if (value === undefined) return false;
  if (usage === "COUNTER") out.counter(metric, description, value, labels);
  else out.gauge(metric, description, value, labels);
  return true;
}

/** Undefined when it is no number. */
function numericValue({ text, typeId }: Cell): number | undefined {
  if (text === null) return Number.NaN;
  if (TIMES.has(typeId)) return secondsOf(text);
  if (typeId === BOOLEAN) return text === "t" ? 1 : 0;
  if (/^nan$/i.test(text)) return Number.NaN;
  const value = /^[tf]?$/.test(text.trim()) ? Number.NaN : numberOf(text);
  return Number.isNaN(value) ? undefined : value;
}

function labelText(cell: Cell | undefined): string {
  if (cell === undefined || cell.text === null) return "";
  if (cell.typeId === BOOLEAN) return cell.text === "t" ? "true" : "false";
  return TIMES.has(cell.typeId) ? String(Math.floor(secondsOf(cell.text))) : cell.text;
}

/** Unixtime of `2026-01-31`, `2026-01-31 10:00:00.5` and `… 10:00:00+00`. */
function secondsOf(text: string): number {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  if (text === "-infinity") return Number.NEGATIVE_INFINITY;
  const iso = text.replace(" ", "T").replace(/\+00$/, "Z");
  return Date.parse(/T/.test(iso) && !/Z$/.test(iso) ? `${iso}Z` : iso) / 1000;
}

function durationMs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const sign = text.startsWith("-") ? -1 : 1;
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text.replace(/^[+-]/, "")) return undefined;
  return sign * parts.reduce((sum, [, count, unit]) => sum + Number(count) * GO_UNITS[unit], 0);
}

/** Columns: the bounds, `_bucket` with as many counts, `_sum`, `_count`. False when one is missing or does not fit. */
function addHistogram(
  out: Families,
  namespace: string,
  name: string,
  { description }: ColumnRule,
  labels: LabelValues,
  textOf: (suffix: string) => string | null | undefined,
): boolean {
  const bounds = numbersOf(textOf(""));
  const counts = numbersOf(textOf("_bucket"));
  const sum = Number(textOf("_sum") ?? Number.NaN);
  const count = Number(textOf("_count") ?? Number.NaN);
  if (!bounds || !counts || bounds.length !== counts.length || Number.isNaN(count)) return false;
  const buckets = bounds.map((bound, i) => [bound, counts[i]] as const).sort(([a], [b]) => a - b);
  out.histogram(`${namespace}_${name}`, description, { buckets, sum, count }, labels);
  return true;
}

/** `{1,2.5}`, an array of PostgreSQL. */
function numbersOf(text: string | null | undefined): readonly number[] | undefined {
  const [, list] = /^\{(.*)\}$/.exec(text ?? "") ?? [];
  if (list === undefined) return undefined;
  const numbers = list === "" ? [] : list.split(",").map((part) => Number(part.replace(/^"(.*)"$/, "$1")));
  return numbers.some(Number.isNaN) ? undefined : numbers;
}
