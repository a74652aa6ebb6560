// YAML with positions: every problem in a user's file is told with file, line and column.
import { isUtf8 } from "node:buffer";
import type { Finding } from "@storewatch/model";
import { isNode, isScalar, LineCounter, type Node, parseAllDocuments, parseDocument, type ScalarTag } from "yaml";
import type { z } from "zod";
import { indentQuotedLines } from "./quoted-lines.ts";

/** A user's file could not be used. `findings` has at least one error. */
export class ConfigError extends Error {
  constructor(readonly findings: readonly Finding[]) {
    const errors = findings.filter(({ severity }) => severity === "error");
    // What only deserves a warning is not why it failed.
    super(
      (errors.length > 0 ? errors : findings).map((f) => `${f.file}:${f.line}:${f.column}: ${f.message}`).join("\n"),
    );
  }
}

export type Path = ReadonlyArray<string | number>;

export interface ConfigDocument {
  readonly file: string;
  readonly text: string;
  /** Plain data: maps as objects, sequences as arrays, scalars. Not validated. */
  readonly data: unknown;
  /** A scalar as it was written (`007`, `1.0`), where a standard format wants text; undefined for maps and aliases. */
  sourceAt(path: Path): string | undefined;
  /** Position of the node at a path (of its key, where it is a map entry); of the deepest that exists. */
  locate(path: Path): { line: number; column: number };
  finding(path: Path, message: string, more?: Partial<Omit<Finding, "file" | "line" | "column" | "message">>): Finding;
}

/** Parses YAML (or JSON). Throws ConfigError with the parser's own position. An empty file gives `null` data. */
export function parseConfigDocument(file: string, text: string): ConfigDocument {
  const lines = new LineCounter();
  const fail = (reason: string) =>
    new ConfigError([{ code: "YAML", severity: "error", file, line: 1, column: 1, message: reason }]);
  const all = guard(fail, () => parseAllDocuments(text, { ...OPTIONS, lineCounter: lines }));
  const documents = Array.isArray(all) ? all : [];
  const document = documents[0] ?? parseDocument("", { lineCounter: lines });
  const problem = documents.flatMap((d) => d.errors)[0];
  if (problem) {
    const deeper = indentQuotedLines(text);
    if (deeper !== text && isWellFormed(deeper)) return { ...parseConfigDocument(file, deeper), text };
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new ConfigError([{ code: "YAML", severity: "error", file, line, column: col, message: problem.message }]);
  }
  const locate = (path: Path) => {
    let node: unknown = document.contents;
    let found: Node | undefined = isNode(node) ? node : undefined;
    for (const part of path) {
      const next = child(node, part);
      if (!next) break;
      node = next.value;
      found = next.at ?? found;
    }
    const offset = found?.range?.[0];
    if (offset === undefined) return { line: 1, column: 1 };
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  return {
    file,
    text,
    data: guard(fail, () => document.toJS({ maxAliasCount: 100 })),
    sourceAt(path) {
      let node: unknown = document.contents;
      for (const part of path) node = child(node, part)?.value;
      return isScalar(node) ? node.source : undefined;
    },
    locate,
    finding: (path, message, more = {}) => ({
      code: "CONFIG",
      severity: "error",
      file,
      ...locate(path),
      message,
      ...more,
    }),
  };
}

/** The library throws plain errors for a bomb of aliases and for nesting that overflows the stack. */
function guard<T>(fail: (reason: string) => ConfigError, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw fail(error instanceof RangeError ? "nested too deeply" : `cannot be read: ${(error as Error).message}`);
  }
}

/**
 * `!!binary` gives the text that the bytes spell in UTF-8. Bytes that spell none become lone surrogates (U+DC80 …
 * U+DCFF), so that whoever checks the text finds them instead of a replacement character.
 */
const binaryTag: ScalarTag = {
  tag: "tag:yaml.org,2002:binary",
  resolve(source, onError) {
    if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(source)) onError("!!binary value contains invalid base64 data");
    const bytes = Buffer.from(source, "base64");
    if (isUtf8(bytes)) return bytes.toString("utf8");
    return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join("");
  },
};

const OPTIONS = { prettyErrors: false, merge: true, customTags: [binaryTag] };

function isWellFormed(text: string): boolean {
  try {
    parseConfigDocument("", text);
    return true;
  } catch {
    return false;
  }
}

interface Entry {
  readonly value: unknown;
  readonly at: Node | undefined;
}

function child(node: unknown, part: string | number): Entry | undefined {
  if (typeof node !== "object" || node === null || !("items" in node) || !Array.isArray(node.items)) return undefined;
  if (typeof part === "number") {
    const item: unknown = node.items[part];
    return isNode(item) ? { value: item, at: item } : undefined;
  }
  for (const pair of node.items) {
    if (typeof pair !== "object" || pair === null || !("key" in pair)) continue;
    const key: unknown = pair.key;
    const name = isNode(key) && "value" in key ? key.value : key;
    if (String(name) === part) return { value: pair.value, at: isNode(key) ? key : undefined };
  }
  return undefined;
}

/** Checks a document with a zod schema; unknown keys of strict objects come with a suggestion. Throws ConfigError. */
export function validate<S extends z.ZodType>(schema: S, document: ConfigDocument, root: Path = []): z.output<S> {
  let data = document.data;
  for (const part of root) data = (data as Record<string | number, unknown> | null | undefined)?.[part];
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.flatMap((issue) => findingsOf(issue, schema, document, root)));
}

function findingsOf(issue: z.core.$ZodIssue, schema: z.ZodType, document: ConfigDocument, root: Path): Finding[] {
  const path = [...root, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const near = closest(key, known);
      return document.finding([...path, key], `unknown key \`${key}\`.${near ? ` Did you mean \`${near}\`?` : ""}`, {
        code: "CONFIG_KEY",
        ...(near ? {} : { fix: known.length > 0 ? `known keys here: ${known.join(", ")}` : undefined }),
      });
    });
  }
  const where = path.length > 0 ? `${path.join(".")}: ` : "";
  return [document.finding(path, `${where}${issue.message}`, { code: "CONFIG_VALUE" })];
}

/** Keys of the object schema at a path, looking through optional, default, array and record wrappers. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  let current: unknown = unwrap(schema);
  for (const part of path) {
    const def = (current as { def?: Record<string, unknown> } | undefined)?.def;
    if (!def) return [];
    const shape = def.shape as Record<string, unknown> | undefined;
    current = unwrap(typeof part === "number" ? def.element : (shape?.[String(part)] ?? def.valueType));
  }
  const shape = (current as { def?: { shape?: Record<string, unknown> } } | undefined)?.def?.shape;
  return shape ? Object.keys(shape) : [];
}

function unwrap(schema: unknown): unknown {
  let current = schema as { def?: { innerType?: unknown; in?: unknown; type?: string } } | undefined;
  while (current?.def && (current.def.innerType || (current.def.type === "pipe" && current.def.in))) {
    current = (current.def.innerType ?? current.def.in) as typeof current;
  }
  return current;
}

/** The known word within an edit distance of 2 (or a third of the length), if any. */
export function closest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = row;
  }
  return previous[b.length];
}
