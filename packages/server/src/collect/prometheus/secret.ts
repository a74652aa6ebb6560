import { inspect } from "node:util";

const SHOWN = "<secret>";

/** A secret of a file: whatever prints, logs or serialises it shows `<secret>`; only `reveal` gives the text. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

/** A text that is equal for equal configurations, secrets included: for comparing only, never to be shown. */
export function fingerprint(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, shown: unknown) {
    const own = this[key];
    if (own instanceof Secret) return own.reveal();
    if (typeof own === "bigint") return own.toString();
    return own instanceof Set ? [...own] : shown;
  });
}
