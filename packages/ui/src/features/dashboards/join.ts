// Frames put together: by a common field, or row by row.
import { type Cell, type Field, type Frame, frameLength } from "./frames.ts";

/** Columns side by side, rows matched by a field: the named one, or the time. Names that clash get numbers. */
export function joinFrames(frames: readonly Frame[], byField: string | undefined, mode: string): readonly Frame[] {
  const keyOf = (frame: Frame) =>
    frame.fields.find((field) => (byField === undefined ? field.kind === "time" : field.name === byField));
  const joinable = frames.flatMap((frame) => {
    const key = keyOf(frame);
    return key ? [{ frame, key }] : [];
  });
  if (joinable.length < 2) return joinable.length === 1 ? [joinable[0].frame] : frames;
  const places = new Map<Cell, number>();
  const counts = new Map<Cell, number>();
  for (const { key } of joinable) {
    for (const value of new Set(key.values)) {
      if (!places.has(value)) places.set(value, places.size);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  let keys = [...places.keys()];
  if (mode === "inner") keys = keys.filter((value) => counts.get(value) === joinable.length);
  if (joinable[0].key.kind === "time") keys.sort((a, b) => Number(a) - Number(b));
  const row = new Map(keys.map((value, i) => [value, i]));
  const columns = joinable.flatMap(({ frame, key }) =>
    frame.fields.filter((field) => field !== key).map((field) => spread(field, key, row)),
  );
  return [
    { refId: joinable[0].frame.refId, fields: numberClashes([{ ...joinable[0].key, values: keys }, ...columns]) },
  ];
}

function spread(field: Field, key: Field, row: ReadonlyMap<Cell, number>): Field {
  const values: Cell[] = new Array(row.size).fill(null);
  key.values.forEach((value, i) => {
    const at = row.get(value);
    if (at !== undefined) values[at] = field.values[i];
  });
  return { ...field, values };
}

function numberClashes(fields: readonly Field[]): Field[] {
  const seen = new Map<string, number>();
  const total = new Map<string, number>();
  for (const field of fields) total.set(field.name, (total.get(field.name) ?? 0) + 1);
  return fields.map((field) => {
    if (total.get(field.name) === 1) return field;
    const next = (seen.get(field.name) ?? 0) + 1;
    seen.set(field.name, next);
    return { ...field, name: `${field.name} ${next}` };
  });
}

/** One table: rows that agree in all columns that every frame has become one row. */
export function mergeFrames(frames: readonly Frame[]): readonly Frame[] {
  const full = frames.filter((frame) => frame.fields.length > 0);
  if (full.length < 2) return frames;
  const names: string[] = [];
  const kinds = new Map<string, Field>();
  for (const frame of full) {
    for (const field of frame.fields) {
      if (!kinds.has(field.name)) names.push(field.name);
      kinds.set(field.name, field);
    }
  }
  const shared = names.filter((name) => full.every((frame) => frame.fields.some((field) => field.name === name)));
  const rows = new Map<string, Map<string, Cell>>();
  for (const frame of full) {
    for (let i = 0; i < frameLength(frame); i++) {
      const cells = new Map(frame.fields.map((field) => [field.name, field.values[i]]));
      let key = JSON.stringify(shared.map((name) => cells.get(name)));
      // Where a column is filled already with something else, the row stands for itself.
      while ([...cells].some(([name, cell]) => rows.get(key)?.has(name) && rows.get(key)?.get(name) !== cell))
        key += "+";
      rows.set(key, new Map([...(rows.get(key) ?? []), ...cells]));
    }
  }
  const fields = names.map(
    (name): Field => ({
      ...(kinds.get(name) as Field),
      name,
      values: [...rows.values()].map((cells) => cells.get(name) ?? null),
    }),
  );
  return [{ refId: full[0].refId, fields }];
}
