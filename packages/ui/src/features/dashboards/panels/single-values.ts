// Stat, gauge and bar gauge show single values: one for each field, reduced over time, or one for each row.
import type { Panel } from "@storewatch/model/dashboard";
import type { Values } from "../../../chart/lines.ts";
import { cellText, type FieldView, stateColor, thresholdColor, viewField } from "../field-config.ts";
import { type Cell, type Field, type Frame, numberFields } from "../frames.ts";
import { bag, flag, texts } from "../options.ts";
import { patternMatcher } from "../patterns.ts";
import { reduceValues } from "../reduce.ts";

export interface SingleValue {
  readonly key: string;
  readonly name: string;
  readonly value: number | null;
  readonly text: string;
  /** Set when the value says that something is not as it should be. */
  readonly color: string | undefined;
  /** The threshold's colour even at the base, for filled bars. */
  readonly fillColor: string | undefined;
  readonly min: number;
  readonly max: number;
  readonly view: FieldView;
  readonly values: Values;
}

const LIMIT = 60;

export function singleValues(panel: Panel, frames: readonly Frame[]): SingleValue[] {
  const options = bag(panel.options.reduceOptions);
  const [calc = "lastNotNull"] = texts(options.calcs);
  const wanted = typeof options.fields === "string" && options.fields !== "" ? fieldFilter(options.fields) : () => true;
  const found = frames.flatMap((frame) =>
    numberFields(frame)
      .filter(wanted)
      .map((field) => ({ frame, field })),
  );
  const rows = flag(options.values)
    ? found.flatMap(rowsOf)
    : found.map(({ frame, field }) => ({
        name: nameIn(frame, field),
        field,
        value: reduceValues(field.values, calc),
        values: field.values,
      }));
  const all = rows.slice(0, LIMIT).map((row) => ({ ...row, view: viewField(panel, row.field) }));
  const highest = Math.max(0, ...all.flatMap(({ value }) => value ?? []));
  return all.map(({ name, value, view, values, field }, i) => {
    const max = view.max ?? defaultMax(view.unit, highest);
    return {
      key: `${field.refId ?? ""} ${name} ${i}`,
      name: view.name === field.name ? name : view.name,
      value,
      text: cellText(view, value),
      color: stateColor(view, value),
      fillColor: view.fixedColor ?? thresholdColor({ ...view, max }, value)?.color,
      min: view.min ?? 0,
      max,
      view,
      values: values as Values,
    };
  });
}

/** Fields chosen by name, or by /pattern/. */
function fieldFilter(wish: string): (field: Field) => boolean {
  if (wish.startsWith("/")) {
    const matches = patternMatcher(wish);
    return (field) => matches(field.name);
  }
  return (field) => field.name === wish;
}

/** A table's value column is named by the row's labels when they are all it has. */
function nameIn(frame: Frame, field: Field): string {
  if (!/^Value( #\w+)?$/.test(field.name) || field.values.length !== 1) return field.name;
  const labels = frame.fields.filter((other) => other.kind === "string").map((other) => String(other.values[0] ?? ""));
  return labels.join(" ") || field.name;
}

function rowsOf({ frame, field }: { readonly frame: Frame; readonly field: Field }) {
  const words = frame.fields.filter((other) => other.kind === "string");
  return field.values.map((cell: Cell, row) => ({
    name: words.map((other) => String(other.values[row] ?? "")).join(" ") || field.name,
    field,
    value: typeof cell === "number" ? cell : null,
    values: [typeof cell === "number" ? cell : null],
  }));
}

/** Where the dashboard names no end: 100 for percent, 1 for ratios, else a round number above the largest value. */
function defaultMax(unit: string, highest: number): number {
  if (unit === "percent") return Math.max(100, highest);
  if (unit === "percentunit") return Math.max(1, highest);
  if (highest <= 0) return 100;
  const power = 10 ** Math.floor(Math.log10(highest));
  return Math.ceil((highest * 1.05) / power) * power;
}

/** The share (0–1) of the way from min to max. */
export const shareOf = (one: Pick<SingleValue, "value" | "min" | "max">): number =>
  one.value === null || one.max === one.min ? 0 : Math.min(1, Math.max(0, (one.value - one.min) / (one.max - one.min)));
