// Where a text stops being JSON. JSON.parse tells a position for some mistakes only, and differently in each Node.

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them within strings.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Line and column, from 1, of the first character that cannot stand where it does; undefined for valid JSON. */
export function jsonErrorPosition(text: string): { line: number; column: number } | undefined {
  const scanner = new Scanner(text);
  if (scanner.document()) return undefined;
  const before = text.slice(0, scanner.at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

class Scanner {
  at = 0;

  constructor(private readonly text: string) {}

  document(): boolean {
    return this.value() && this.skip(SPACE) && this.at === this.text.length;
  }

  private value(): boolean {
    this.skip(SPACE);
    const next = this.text[this.at];
    if (next === "{") return this.list("}", () => this.entry());
    if (next === "[") return this.list("]", () => this.value());
    return this.skip(STRING) || this.skip(SCALAR);
  }

  private entry(): boolean {
    this.skip(SPACE);
    return this.skip(STRING) && this.character(":") && this.value();
  }

  private list(end: string, item: () => boolean): boolean {
    this.at += 1;
    if (this.character(end)) return true;
    do {
      if (!item()) return false;
    } while (this.character(","));
    return this.character(end);
  }

  /** Steps over white space and this character; stays before the character that is there instead. */
  private character(wanted: string): boolean {
    this.skip(SPACE);
    if (this.text[this.at] !== wanted) return false;
    this.at += 1;
    return true;
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (!match) return false;
    this.at += match[0].length;
    return true;
  }
}
