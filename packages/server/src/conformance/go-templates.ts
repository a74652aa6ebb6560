// Go's own table tests of text/template and html/template. Their data are Go structs; what can be said with our values
// is modelled here, rows that use anything else are skipped.
import { readFileSync } from "node:fs";
import path from "node:path";
import {
  createTemplateSet,
  GoList,
  GoMap,
  GoStruct,
  stringMap,
  TemplateError,
  type TemplateFunction,
  type TemplateValue,
} from "../template/index.ts";
import type { Suite, SuiteReport } from "./suite.ts";

interface Row {
  readonly name?: string;
  readonly input?: unknown;
  readonly ok?: boolean;
  readonly output?: string;
  readonly result?: string;
  readonly data?: unknown;
  readonly expr?: string;
  readonly truth?: string;
  readonly err?: string;
}

interface Table {
  readonly func: string;
  readonly cases: ReadonlyArray<{ readonly case: Row }>;
}

function tables(dataDir: string, file: string): readonly Table[] {
  return JSON.parse(readFileSync(path.join(dataDir, "tables", file), "utf8")) as Table[];
}

const ints = (...items: number[]) => new GoList("[]int", items.map(BigInt));
const intMap = (record: Record<string, number>) =>
  new GoMap("map[string]int", new Map(Object.entries(record).map(([key, value]) => [key, BigInt(value)])), 0n);
const struct = (typeName: string, fields: Record<string, TemplateValue>) => new GoStruct(typeName, fields);

const U = new GoStruct("*template.U", { V: "v" }, { TrueFalse: (flag) => (flag ? "true" : "") });
const FIELDS: Readonly<Record<string, TemplateValue>> = {
  True: true,
  I: 17n,
  U16: 16n,
  X: "x",
  S: "xyz",
  U,
  SI: ints(3, 4, 5),
  AI: ints(3, 4, 5),
  SIEmpty: ints(),
  SB: new GoList("[]bool", [true, false]),
  MSI: intMap({ one: 1, two: 2, three: 3 }),
  MSIone: intMap({ one: 1 }),
  MSIEmpty: intMap({}),
  MXI: new GoMap("map[interface {}]int", new Map([["one", 1n]]), 0n),
  Empty0: null,
  Empty1: 3n,
  Empty2: "empty2",
  Empty3: ints(7, 8),
  Empty4: struct("*template.U", { V: "UinEmpty" }),
  PI: 23n,
  PS: "a string",
  PSI: ints(21, 22, 23),
  FloatZero: 0,
};
const METHODS: Readonly<Record<string, TemplateFunction>> = {
  Method0: () => "M0",
  Method1: (value) => value,
  Method2: (number, text) => `Method2: ${number} ${text}`,
  Method3: (value) => `Method3: ${value == null ? "<nil>" : value}`,
  GetU: () => U,
  Copy: () => T_VALUE,
  MAdd: (number, list) => (list as GoList).items.map((item) => (item as bigint) + (number as bigint)),
};
const T_VALUE = new GoStruct("*template.T", FIELDS, METHODS);

const FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  add: (...numbers) => numbers.reduce((sum: bigint, next) => sum + (next as bigint), 0n),
  echo: (value) => value,
  makemap: (...words) => stringMap(pairsOf(words.map(String))),
  oneArg: (text) => `oneArg=${text}`,
  twoArgs: (a, b) => `twoArgs=${a}${b}`,
  typeOf: (value) => ({ bigint: "int", number: "float64", object: "complex128" })[String(typeof value)] ?? typeof value,
  die: () => {
    throw new TemplateError("die");
  },
};

function pairsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1]]] : [])));
}

/** Why a row cannot be expressed; undefined when it can. */
function obstacle(row: Row): string | undefined {
  if (typeof row.input !== "string") return "input is a Go expression";
  const isModel = JSON.stringify(row.data) === '{"$go":"tVal"}';
  if (!isModel && JSON.stringify(row.data ?? null).includes('"$')) return "data is a Go expression";
  if (!isModel && typeof row.data === "object" && row.data !== null && "a" in row.data) return "data is a Go struct";
  if (/^bug18/.test(row.name ?? "")) return "data is a rune";
  if (!isModel) return undefined;
  const fields = [...row.input.matchAll(/\.([A-Z]\w*)/g)].map(([, name]) => name);
  const known = new Set([...Object.keys(FIELDS), ...Object.keys(METHODS), "V", "TrueFalse", "NO", "EP", "E"]);
  const unknown = fields.find((name) => !known.has(name));
  if (unknown) return `needs Go type of .${unknown}`;
  const words = /\b(stringer|valueString|zeroArgs|count|vfunc)\b/.exec(row.input);
  return words ? `needs the Go function ${words[1]}` : undefined;
}

function dataOf(row: Row): TemplateValue {
  if (JSON.stringify(row.data) === '{"$go":"tVal"}') return T_VALUE;
  return typed(row.data);
}

/** Literals of the tables: whole numbers are ints there. */
function typed(value: unknown): TemplateValue {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(typed);
  if (typeof value === "object" && value !== null) {
    return new Map(Object.entries(value).map(([key, item]) => [key, typed(item)]));
  }
  return value ?? undefined;
}

function outcome(run: () => string): { readonly text: string } | { readonly error: string } {
  try {
    return { text: run() };
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message };
    throw error;
  }
}

function judge(name: string, ok: boolean, wanted: string | undefined, run: () => string, report: SuiteReport): void {
  const got = outcome(run);
  if (!ok) {
    if ("error" in got) report.pass(name);
    else report.fail(name, `meant to fail, got ${JSON.stringify(got.text)}`);
  } else if ("error" in got) report.fail(name, got.error);
  else if (wanted === undefined || got.text === wanted) report.pass(name);
  else report.fail(name, `wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got.text)}`);
}

const COMPARED = struct("template.cmpStruct", {
  Uthree: 3n,
  Ufour: 4n,
  NegOne: -1n,
  Three: 3n,
  NilIface: null,
  Iface1: 1n,
});

function runExecution(table: Table, report: SuiteReport): void {
  const set = createTemplateSet(FUNCTIONS, { missingKey: "default" });
  for (const { case: row } of table.cases) {
    const name = `${table.func}: ${row.name}: ${row.input}`;
    const reason = obstacle(row);
    if (reason) report.skip(name, reason);
    else
      judge(
        name,
        row.ok ?? true,
        row.output,
        () => set.execute(row.name ?? "t", String(row.input), dataOf(row)),
        report,
      );
  }
}

function runComparisons(table: Table, report: SuiteReport): void {
  const set = createTemplateSet({}, { missingKey: "default" });
  for (const { case: row } of table.cases) {
    const name = `cmp: ${row.expr}`;
    const text = `{{if true}}{{printf "%v" (${row.expr})}}{{end}}`;
    if (/\.(V1|V2|Ptr|NilPtr|Map|NonNilMap)\b/.test(row.expr ?? ""))
      report.skip(name, "needs Go pointers and typed nil");
    else judge(name, row.ok ?? true, row.truth, () => set.execute("t", text, COMPARED), report);
  }
}

/** Parsing: accepted or refused, and of errorTests the words that the message must hold. */
function runParsing(table: Table, report: SuiteReport): void {
  const functions = { contains: () => true, printf2: () => "" };
  for (const { case: row } of table.cases) {
    const name = `${table.func}: ${row.name}: ${row.input}`;
    const got = outcome(() => {
      createTemplateSet(functions).add(row.name ?? "t", String(row.input));
      return "";
    });
    const fails = "error" in got;
    if (fails !== (row.ok === false)) report.fail(name, fails ? got.error : "accepted, but must be refused");
    else if (fails && table.func === "var errorTests" && !got.error.includes(row.result ?? "")) {
      report.fail(name, `wanted "… ${row.result}", got "${got.error}"`);
    } else report.pass(name);
  }
}

export const goTextTemplatesSuite: Suite = {
  name: "go-text-templates",
  needs: "tables/go_texttemplate_exec.json",
  async run(dataDir, report) {
    for (const table of tables(dataDir, "go_texttemplate_exec.json")) {
      if (table.func === "var execTests") runExecution(table, report);
      if (table.func === "var cmpTests") runComparisons(table, report);
    }
    for (const table of tables(dataDir, "go_texttemplate_parse.json")) {
      if (table.func === "var parseTests" || table.func === "var errorTests") runParsing(table, report);
    }
  },
};

/** The data of html/template's TestEscape, as far as the rows use it. */
const PAGE = struct("*template.data", {
  F: false,
  T: true,
  C: "<Cincinnati>",
  G: "<Goodbye>",
  H: "<Hello>",
  A: new GoList("[]string", ["<a>", "<b>"]),
  E: new GoList("[]string", []),
  N: 42n,
});

export const goHtmlTemplatesSuite: Suite = {
  name: "go-html-templates",
  needs: "tables/go_htmltemplate_escape.json",
  async run(dataDir, report) {
    const set = createTemplateSet({}, { missingKey: "default" });
    for (const table of tables(dataDir, "go_htmltemplate_escape.json")) {
      if (table.func !== "TestEscape") continue;
      for (const { case: row } of table.cases) {
        const name = `${row.name}: ${row.input}`;
        if (/\.[WMBZ]\b/.test(String(row.input))) report.skip(name, "needs Go types with methods of their own");
        else if (!row.err)
          judge(name, true, row.output, () => set.execute("t", String(row.input), PAGE, { html: true }), report);
      }
    }
  },
};
