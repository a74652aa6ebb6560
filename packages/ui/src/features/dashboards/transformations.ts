// Grafana's transformations over frames. One that is not known leaves the data as it is.
import type { Transformation } from "@storewatch/model/dashboard";
import { type Cell, type Field, type Frame, frameLength } from "./frames.ts";
import { joinFrames, mergeFrames } from "./join.ts";
import { type Bag, bag, bags, flag, number, text, texts } from "./options.ts";
import { patternMatcher, patternReplacer } from "./patterns.ts";
import { reduceValues } from "./reduce.ts";

type Step = (frames: readonly Frame[], options: Bag) => readonly Frame[];

const STEPS: Readonly<Record<string, Step>> = {
  organize: each(organize),
  joinByField: (frames, options) => joinFrames(frames, text(options.byField) || undefined, text(options.mode, "outer")),
  seriesToColumns: (frames, options) => joinFrames(frames, text(options.byField) || undefined, "outer"),
  merge: (frames) => mergeFrames(frames),
  labelsToFields,
  calculateField,
  filterFieldsByName: each(filterFields),
  filterByRefId: (frames, options) =>
    frames.filter((frame) => patternMatcher(`^(?:${text(options.include, ".*")})$`)(frame.refId)),
  sortBy: each(sortBy),
  groupBy: each(groupBy),
  reduce,
  seriesToRows,
  renameByRegex: each(renameByRegex),
  limit: each((frame, options) => pickRows(frame, rowNumbers(frame).slice(0, number(options.limitField) ?? 10))),
  convertFieldType: (frames) => frames,
};

export function transform(frames: readonly Frame[], transformations: readonly Transformation[]): readonly Frame[] {
  let current = frames;
  for (const { id, options, disabled } of transformations) {
    const step = STEPS[id];
    if (step && !disabled) current = step(current, bag(options));
  }
  return current;
}

function each(step: (frame: Frame, options: Bag) => Frame): Step {
  return (frames, options) => frames.map((frame) => step(frame, options));
}

const rowNumbers = (frame: Frame): number[] => Array.from({ length: frameLength(frame) }, (_, i) => i);
const pickRows = (frame: Frame, rows: readonly number[]): Frame => ({
  ...frame,
  fields: frame.fields.map((field) => ({ ...field, values: rows.map((row) => field.values[row]) })),
});

function organize(frame: Frame, options: Bag): Frame {
  const [exclude, order, rename] = [bag(options.excludeByName), bag(options.indexByName), bag(options.renameByName)];
  const place = (field: Field) => number(order[field.name]) ?? Number.MAX_SAFE_INTEGER;
  const kept = frame.fields.filter((field) => exclude[field.name] !== true);
  const sorted = [...kept].sort((a, b) => place(a) - place(b));
  return { ...frame, fields: sorted.map((field) => ({ ...field, name: text(rename[field.name]) || field.name })) };
}

function filterFields(frame: Frame, options: Bag): Frame {
  const listed = (wish: Bag) => {
    const names = texts(wish.names);
    const pattern = text(wish.pattern);
    const byPattern = pattern === "" ? () => false : patternMatcher(pattern);
    return (field: Field) => names.includes(field.name) || byPattern(field.name);
  };
  const [include, exclude] = [bag(options.include), bag(options.exclude)];
  const included = Object.keys(include).length === 0 ? () => true : listed(include);
  const excluded = listed(exclude);
  return { ...frame, fields: frame.fields.filter((field) => included(field) && !excluded(field)) };
}

function renameByRegex(frame: Frame, options: Bag): Frame {
  const rename = patternReplacer(text(options.regex), text(options.renamePattern));
  return {
    ...frame,
    fields: frame.fields.map((field) => (field.kind === "time" ? field : { ...field, name: rename(field.name) })),
  };
}

function sortBy(frame: Frame, options: Bag): Frame {
  const [wish] = bags(options.sort);
  const field = frame.fields.find((one) => one.name === text(wish?.field));
  if (!wish || !field) return frame;
  const order = (a: Cell, b: Cell) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a ?? "").localeCompare(String(b ?? ""));
  const rows = rowNumbers(frame).sort((a, b) => order(field.values[a], field.values[b]));
  return pickRows(frame, flag(wish.desc) ? rows.reverse() : rows);
}

/** Labels become columns; the values keep their name, or take that of the label named by valueLabel. */
function labelsToFields(frames: readonly Frame[], options: Bag): readonly Frame[] {
  const valueLabel = text(options.valueLabel);
  const keep = texts(options.keepLabels);
  return frames.map((frame) => {
    const length = frameLength(frame);
    const columns = new Map<string, Field>();
    const fields = frame.fields.map((field) => {
      if (!field.labels) return field;
      for (const [name, value] of Object.entries(field.labels)) {
        if (name === valueLabel || name === "__name__" || (keep.length > 0 && !keep.includes(name))) continue;
        columns.set(name, { name, kind: "string", values: new Array<Cell>(length).fill(value) });
      }
      const name = (valueLabel !== "" && field.labels[valueLabel]) || field.labels.__name__ || "Value";
      return { ...field, name, labels: undefined };
    });
    const [first, ...rest] = fields;
    return {
      ...frame,
      fields: first?.kind === "time" ? [first, ...columns.values(), ...rest] : [...columns.values(), ...fields],
    };
  });
}

function calculateField(frames: readonly Frame[], options: Bag): readonly Frame[] {
  const table = frames.length > 1 ? joinFrames(frames, undefined, "outer") : frames;
  return table.map((frame) => {
    const made =
      text(options.mode) === "binary" ? binaryField(frame, bag(options.binary)) : rowField(frame, bag(options.reduce));
    if (!made) return frame;
    const field: Field = { ...made, name: text(options.alias) || made.name };
    const times = frame.fields.filter((one) => one.kind === "time");
    return { ...frame, fields: flag(options.replaceFields) ? [...times, field] : [...frame.fields, field] };
  });
}

function rowField(frame: Frame, wish: Bag): Field | undefined {
  const include = texts(wish.include);
  const sources = frame.fields.filter(
    (field) => field.kind === "number" && (include.length === 0 || include.includes(field.name)),
  );
  const reducer = text(wish.reducer, "sum");
  if (sources.length === 0) return undefined;
  const values = rowNumbers(frame).map((row) =>
    reduceValues(
      sources.map((field) => field.values[row]),
      reducer,
    ),
  );
  return { name: reducer, kind: "number", values };
}

function binaryField(frame: Frame, wish: Bag): Field | undefined {
  const operand = (side: unknown): ((row: number) => Cell) | undefined => {
    const named = typeof side === "string" ? side : text(bag(bag(side).matcher).options) || text(bag(side).fixed);
    const field = frame.fields.find((one) => one.name === named);
    if (field) return (row) => field.values[row];
    const fixed = Number(named);
    return named !== "" && Number.isFinite(fixed) ? () => fixed : undefined;
  };
  const [left, right] = [operand(wish.left), operand(wish.right)];
  if (!left || !right) return undefined;
  const operator = text(wish.operator, "+");
  const values = rowNumbers(frame).map((row) => calculate(left(row), operator, right(row)));
  return { name: operator, kind: "number", values };
}

function calculate(a: Cell, operator: string, b: Cell): number | null {
  if (typeof a !== "number" || typeof b !== "number") return null;
  const result =
    operator === "-"
      ? a - b
      : operator === "*"
        ? a * b
        : operator === "/"
          ? a / b
          : operator === "%"
            ? a % b
            : operator === "**"
              ? a ** b
              : a + b;
  return Number.isFinite(result) ? result : null;
}

function groupBy(frame: Frame, options: Bag): Frame {
  const wishes = bag(options.fields);
  const keys = frame.fields.filter((field) => bag(wishes[field.name]).operation === "groupby");
  if (keys.length === 0) return frame;
  const groups = new Map<string, number[]>();
  for (const row of rowNumbers(frame)) {
    const key = JSON.stringify(keys.map((field) => field.values[row]));
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  const rows = [...groups.values()];
  const aggregated = frame.fields.flatMap((field): Field[] => {
    const wish = bag(wishes[field.name]);
    if (wish.operation !== "aggregate") return [];
    return texts(wish.aggregations).map((calc) => ({
      ...field,
      name: `${field.name} (${calc})`,
      kind: "number" as const,
      values: rows.map((group) =>
        reduceValues(
          group.map((row) => field.values[row]),
          calc,
        ),
      ),
    }));
  });
  return {
    ...frame,
    fields: [
      ...keys.map((field) => ({ ...field, values: rows.map((group) => field.values[group[0]]) })),
      ...aggregated,
    ],
  };
}

/** A row for each field, a column for each reducer. */
function reduce(frames: readonly Frame[], options: Bag): readonly Frame[] {
  const reducers = texts(options.reducers);
  const fields = frames.flatMap((frame) => frame.fields.filter((field) => field.kind === "number"));
  const columns = (reducers.length > 0 ? reducers : ["max"]).map(
    (calc): Field => ({
      name: REDUCER_TITLES[calc] ?? calc,
      kind: "number",
      values: fields.map((field) => reduceValues(field.values, calc)),
    }),
  );
  return [
    {
      refId: frames[0]?.refId ?? "A",
      fields: [{ name: "Field", kind: "string", values: fields.map((field) => field.name) }, ...columns],
    },
  ];
}

const REDUCER_TITLES: Readonly<Record<string, string>> = {
  lastNotNull: "Last *",
  last: "Last",
  max: "Max",
  min: "Min",
  mean: "Mean",
  sum: "Total",
  count: "Count",
};

function seriesToRows(frames: readonly Frame[]): readonly Frame[] {
  const rows: Array<readonly [Cell, string, Cell]> = [];
  for (const frame of frames) {
    const time = frame.fields.find((field) => field.kind === "time");
    for (const field of frame.fields.filter((one) => one.kind === "number")) {
      field.values.forEach((value, i) => {
        rows.push([time?.values[i] ?? null, field.name, value]);
      });
    }
  }
  const column = (name: string, kind: Field["kind"], place: 0 | 1 | 2): Field => ({
    name,
    kind,
    values: rows.map((row) => row[place]),
  });
  return [
    {
      refId: frames[0]?.refId ?? "A",
      fields: [column("Time", "time", 0), column("Metric", "string", 1), column("Value", "number", 2)],
    },
  ];
}
