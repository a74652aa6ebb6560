// Rule groups that people keep in Storewatch: a plain rule file for each, holding the text as it was written.
//
//   DATA/rules/checkout-1f0c3d9a.yml      a readable part of the name, and 8 hex digits of its SHA-256
//
// The version of a group is the hash of its text, so that a file changed by hand counts as a change as well.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Finding } from "@storewatch/model";
import { removeFile, replaceFile } from "../kernel/durable-file.ts";
import { hasError, readGroupText } from "./group-text.ts";
import type { RuleFileOptions, RuleGroupConfig } from "./rule-file.ts";

export const STORED_GROUPS_MAX = 1000;
/** Bytes: with percent signs it has to fit into a path segment of 500. */
export const GROUP_NAME_BYTES_MAX = 150;

export interface StoredGroup {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly version: string;
  readonly updatedAtMs: number;
  readonly group: RuleGroupConfig;
  /** Warnings and remarks; none is an error. */
  readonly findings: readonly Finding[];
}

export class RuleGroupStore {
  private groups = new Map<string, StoredGroup>();
  private broken: readonly Finding[] = [];

  constructor(
    readonly directory: string,
    private readonly format: RuleFileOptions,
  ) {
    this.load();
  }

  /** By name. */
  list(): readonly StoredGroup[] {
    return [...this.groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What is wrong with files of the folder. */
  get problems(): readonly Finding[] {
    return this.broken;
  }

  get(name: string): StoredGroup | undefined {
    return this.groups.get(name);
  }

  /** Reads the folder again. A file that has become unusable keeps the group that was read from it before. */
  load(): void {
    const before = new Map([...this.groups.values()].map((stored) => [stored.file, stored]));
    const groups = new Map<string, StoredGroup>();
    const problems: Finding[] = [];
    for (const file of ruleFilesIn(this.directory)) {
      const read = readStored(file, this.format);
      const stored = "findings" in read && "group" in read ? read : before.get(file);
      if (stored !== read) problems.push(...read.findings);
      if (!stored) continue;
      const same = groups.get(stored.name);
      if (same) problems.push(problem(file, `the group ${stored.name} stands in ${same.file} already`));
      else groups.set(stored.name, stored);
    }
    this.groups = groups;
    this.broken = problems;
  }

  /** What the text would be stored as; findings when it cannot be. */
  check(name: string, text: string): { readonly group?: RuleGroupConfig; readonly findings: readonly Finding[] } {
    const { group, findings } = readGroupText("", text, this.format);
    if (!group) return { findings };
    const wrong = nameProblem(name, group.name);
    return wrong === undefined ? { group, findings } : { findings: [...findings, problem("", wrong)] };
  }

  /** Writes what `check` accepted; durable when it resolves. */
  async put(name: string, text: string): Promise<StoredGroup> {
    const file = this.groups.get(name)?.file ?? path.join(this.directory, fileNameOf(name));
    await replaceFile(file, text);
    const stored = readStored(file, this.format);
    if (!("group" in stored)) throw new Error(`BUG: ${file} was checked and cannot be read`);
    this.groups.set(name, stored);
    this.broken = this.broken.filter((finding) => finding.file !== file);
    return stored;
  }

  async remove(name: string): Promise<void> {
    const stored = this.groups.get(name);
    if (!stored) return;
    await removeFile(stored.file);
    this.groups.delete(name);
  }
}

function ruleFilesIn(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => /\.ya?ml$/.test(name));
    return names.sort().map((name) => path.join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function readStored(file: string, format: RuleFileOptions): StoredGroup | { readonly findings: readonly Finding[] } {
  let text: string;
  let updatedAtMs: number;
  try {
    text = readFileSync(file, "utf8");
    updatedAtMs = Math.floor(statSync(file).mtimeMs);
  } catch (error) {
    return { findings: [problem(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`)] };
  }
  const { group, findings } = readGroupText(file, text, format);
  if (!group || hasError(findings)) return { findings };
  return { name: group.name, file, text, version: versionOf(text), updatedAtMs, group, findings };
}

export function versionOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function fileNameOf(name: string): string {
  const readable = name
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .toLowerCase()
    .slice(0, 60);
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return readable === "" ? `${hash}.yml` : `${readable}-${hash}.yml`;
}

function nameProblem(name: string, inText: string): string | undefined {
  if (inText !== name)
    return `the group in the text is named ${JSON.stringify(inText)}, expected ${JSON.stringify(name)}`;
  if (Buffer.byteLength(name) > GROUP_NAME_BYTES_MAX)
    return `a group's name has at most ${GROUP_NAME_BYTES_MAX} bytes here`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(name)) return "a group's name holds no control characters";
  return undefined;
}

function problem(file: string, message: string): Finding {
  return { code: "RULE_GROUP", severity: "error", file, line: 1, column: 1, message };
}
