// The tables of the conformance data: table-driven tests of the peers as JSON (README there, "Table format").
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
export type Fields = { readonly [key: string]: Value };

export interface TableCase {
  /** FUNC:LINE, as the peer has it. */
  readonly name: string;
  readonly func: string;
  readonly fields: Fields;
}

export async function readTable(dataDir: string, file: string): Promise<TableCase[]> {
  const groups = JSON.parse(await readFile(join(dataDir, "tables", file), "utf8")) as ReadonlyArray<{
    readonly func: string;
    readonly cases: ReadonlyArray<{ readonly case: Fields; readonly line: number }>;
  }>;
  return groups.flatMap(({ func, cases }) =>
    cases.map((one) => ({ name: `${file} ${func}:${one.line}`, func, fields: one.case })),
  );
}

export function isFields(value: Value | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The items of a list, whether it is plain or carries its Go type. */
export function items(value: Value | undefined): readonly Value[] {
  if (Array.isArray(value)) return value;
  return isFields(value) && Array.isArray(value.items) ? value.items : [];
}

/** The name of an unevaluated constant. */
export function goName(value: Value | undefined): string {
  return isFields(value) && typeof value.$go === "string" ? value.$go : "";
}

/** The arguments of an unevaluated call. */
export function callArguments(value: Value | undefined): readonly Value[] {
  return isFields(value) && Array.isArray(value.args) ? value.args : [];
}
