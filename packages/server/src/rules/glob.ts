// File patterns of `rule_files`: *, ? and [...] in any part of a path, as Go's filepath.Glob.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

const MAGIC = /[*?[]/;

/** The files that match, sorted; a pattern without wildcards gives itself when it exists. */
export function expandGlob(pattern: string): string[] {
  const absolute = path.resolve(pattern);
  const { root } = path.parse(absolute);
  let found = [root];
  for (const part of absolute.slice(root.length).split(path.sep)) {
    found = found.flatMap((dir) => (MAGIC.test(part) ? matchingEntries(dir, part) : existing(path.join(dir, part))));
  }
  return found.sort();
}

export function isGlob(pattern: string): boolean {
  return MAGIC.test(pattern);
}

function existing(file: string): string[] {
  return existsSync(file) ? [file] : [];
}

function matchingEntries(dir: string, part: string): string[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return [];
  }
  return names.filter((name) => matchesPart(part, name)).map((name) => path.join(dir, name));
}

/** Whether a file name matches one part of a pattern. */
export function matchesPart(pattern: string, name: string): boolean {
  // Positions in `pattern` that are reachable after the characters read so far.
  let states = reach(pattern, new Set([0]));
  for (const c of name) {
    const next = new Set<number>();
    for (const at of states) {
      if (pattern[at] === "*") next.add(at);
      else if (at < pattern.length) {
        const end = acceptsAt(pattern, at, c);
        if (end > 0) next.add(end);
      }
    }
    states = reach(pattern, next);
  }
  return states.has(pattern.length);
}

/** A star may also match nothing. */
function reach(pattern: string, states: Set<number>): Set<number> {
  for (const at of states) if (pattern[at] === "*") states.add(at + 1);
  return states;
}

/** The position behind the element at `at` when it accepts the character; 0 when it does not. */
function acceptsAt(pattern: string, at: number, c: string): number {
  if (pattern[at] === "?") return at + 1;
  if (pattern[at] === "\\") return pattern[at + 1] === c ? at + 2 : 0;
  if (pattern[at] !== "[") return pattern[at] === c ? at + 1 : 0;
  const close = pattern.indexOf("]", at + 2);
  if (close < 0) return 0;
  const negated = pattern[at + 1] === "^";
  const body = pattern.slice(negated ? at + 2 : at + 1, close);
  let inside = false;
  for (let i = 0; i < body.length; i++) {
    if (body[i + 1] === "-" && i + 2 < body.length) {
      inside ||= c >= body[i] && c <= body[i + 2];
      i += 2;
    } else inside ||= body[i] === c;
  }
  return inside !== negated ? close + 1 : 0;
}
