// The templates of a configuration: our defaults, then the operator's files over them.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import {
  alertmanagerFunctions,
  createTemplateSet,
  DEFAULT_TEMPLATES,
  TemplateError,
  type TemplateSet,
} from "../template/index.ts";

export interface TemplateOptions {
  readonly nowMs: () => number;
}

/** A template file that cannot be read or parsed; the message names it. */
export class TemplateFileError extends Error {}

/** `globs` are absolute; the last part may hold `*` and `?`. Throws TemplateFileError. */
export async function loadTemplates(globs: readonly string[], options: TemplateOptions): Promise<TemplateSet> {
  const templates = createTemplateSet(alertmanagerFunctions(options));
  templates.add("default.tmpl", DEFAULT_TEMPLATES);
  for (const file of (await Promise.all(globs.map(filesOf))).flat()) {
    try {
      templates.add(path.basename(file), await readFile(file, "utf8"));
    } catch (error) {
      const reason = error instanceof TemplateError || error instanceof Error ? error.message : String(error);
      throw new TemplateFileError(`${file}: ${reason}`);
    }
  }
  return templates;
}

/** In order of their names. A pattern without files gives none, a plain name must exist. */
async function filesOf(glob: string): Promise<string[]> {
  const pattern = path.basename(glob);
  if (!/[*?]/.test(pattern)) return [glob];
  const folder = path.dirname(glob);
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => matchesWildcards(pattern, name))
    .sort()
    .map((name) => path.join(folder, name));
}

/** `*` is any run of characters, `?` any one. */
export function matchesWildcards(pattern: string, name: string): boolean {
  let reachable = new Set([0]);
  for (const char of pattern) {
    const next = new Set<number>();
    for (const at of reachable) {
      if (char === "*") for (let i = at; i <= name.length; i++) next.add(i);
      else if (at < name.length && (char === "?" || name[at] === char)) next.add(at + 1);
    }
    reachable = next;
  }
  return reachable.has(name.length);
}
