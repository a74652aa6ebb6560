// File patterns as Go's path/filepath has them: `*` and `?` stay within one folder, `[a-z]` is a class, `\` takes the
// next character literally.
import { readdirSync, statSync } from "node:fs";
import path from "node:path";

/** Whether a name matches a pattern for one path element. A malformed pattern matches nothing. */
export function matchName(pattern: string, name: string): boolean {
  const tokens = parsePattern(pattern);
  return tokens !== undefined && matchTokens(tokens, [...name]);
}

type Token = { readonly kind: "star" } | { readonly kind: "one"; readonly accepts: (character: string) => boolean };

function parsePattern(pattern: string): Token[] | undefined {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i];
    if (c === "*") {
      if (tokens.at(-1)?.kind !== "star") tokens.push({ kind: "star" });
    } else if (c === "?") {
      tokens.push({ kind: "one", accepts: () => true });
    } else if (c === "[") {
      const parsed = parseClass(characters, i + 1);
      if (!parsed) return undefined;
      tokens.push({ kind: "one", accepts: parsed.accepts });
      i = parsed.end;
    } else {
      const literal = c === "\\" ? characters[++i] : c;
      if (literal === undefined) return undefined;
      tokens.push({ kind: "one", accepts: (character) => character === literal });
    }
  }
  return tokens;
}

function parseClass(characters: readonly string[], start: number) {
  let i = start;
  const negated = characters[i] === "^";
  if (negated) i++;
  const ranges: Array<readonly [string, string]> = [];
  // A bare "-" or "]" is no member of a class: the pattern is malformed, as it is for Go.
  const take = () => {
    if (characters[i] === "\\") return characters[++i];
    return characters[i] === "-" || characters[i] === "]" ? undefined : characters[i];
  };
  for (; i < characters.length && (characters[i] !== "]" || ranges.length === 0); i++) {
    const low = take();
    let high = low;
    if (characters[i + 1] === "-") {
      i += 2;
      high = take();
    }
    if (low === undefined || high === undefined) return undefined;
    ranges.push([low, high]);
  }
  if (characters[i] !== "]") return undefined;
  const within = (c: string) => ranges.some(([low, high]) => low <= c && c <= high);
  return { accepts: (c: string) => within(c) !== negated, end: i };
}

/** Linear in pattern × name: on a mismatch only the last star gives way. */
function matchTokens(tokens: readonly Token[], name: readonly string[]): boolean {
  let t = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    const token = tokens[t];
    if (token?.kind === "star") {
      star = t++;
      resume = n;
    } else if (token?.kind === "one" && token.accepts(name[n])) {
      t++;
      n++;
    } else if (star >= 0) {
      t = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (tokens[t]?.kind === "star") t++;
  return t === tokens.length;
}

const hasPattern = (text: string): boolean => /[*?[\\]/.test(text);

/** Existing paths that match, sorted. An unreadable folder counts as empty. */
export function glob(pattern: string): string[] {
  const { root } = path.parse(pattern);
  const parts = pattern.slice(root.length).split(path.sep).filter(Boolean);
  let found = [root === "" ? "." : root];
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    found = found.flatMap((dir) => (hasPattern(part) ? matching(dir, part) : [path.join(dir, part)]));
    found = found.filter((one) => (last ? exists(one) : isFolder(one)));
  }
  return found.sort();
}

function matching(dir: string, pattern: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => matchName(pattern, name))
      .map((name) => path.join(dir, name));
  } catch {
    return [];
  }
}

const exists = (file: string): boolean => statSync(file, { throwIfNoEntry: false }) !== undefined;
const isFolder = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
