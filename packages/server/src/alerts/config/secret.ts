import { readFile } from "node:fs/promises";

export const SECRET_MASK = "<secret>";

/** A password, token or secret URL. Printing, logging or serialising it shows `<secret>`; only `reveal` gives the text. */
export class Secret {
  readonly #value: string | undefined;
  readonly #file: string | undefined;

  private constructor(value: string | undefined, file: string | undefined) {
    this.#value = value;
    this.#file = file;
  }

  static of(value: string): Secret {
    return new Secret(value, undefined);
  }

  /** Read at each use, so that a rotated file needs no reload. */
  static fromFile(file: string): Secret {
    return new Secret(undefined, file);
  }

  /** Throws with a message that names the file when it cannot be read. White space around a file's text is dropped. */
  async reveal(): Promise<string> {
    if (this.#value !== undefined) return this.#value;
    const file = this.#file as string;
    try {
      return (await readFile(file, "utf8")).trim();
    } catch (error) {
      throw new Error(`could not read ${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  toString(): string {
    return SECRET_MASK;
  }

  toJSON(): string {
    return SECRET_MASK;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return SECRET_MASK;
  }
}
