export interface TextPosition {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
}

/** Line and column of an offset. */
export function positionAt(text: string, offset: number): TextPosition {
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < offset && i < text.length; i++) {
    if (text[i] === "\n") {
      line++;
      lineStart = i + 1;
    }
  }
  return { line, column: Math.min(offset, text.length) - lineStart + 1 };
}

/** A query that is not PromQL. `message` is `LINE:COLUMN: parse error: REASON`. */
export class ParseError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(
    /** What is wrong, without the place. */
    readonly reason: string,
    text: string,
    /** Offset in the text. */
    readonly position: number,
  ) {
    const { line, column } = positionAt(text, position);
    super(`${line}:${column}: parse error: ${reason}`);
    this.name = "ParseError";
    this.line = line;
    this.column = column;
  }
}
