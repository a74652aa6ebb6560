// What leaves by a log carries no secrets and no customers' data, and can be written whatever it is.
import { isCardNumber } from "./cards.ts";
import { type SecretNameOptions, SecretNames } from "./secret-names.ts";
import { GONE, type TextRuleOptions, textRules } from "./text-rules.ts";

export interface RedactionOptions {
  /** Names of fields whose values are masked. */
  readonly names?: SecretNameOptions;
  /** What is masked within texts. */
  readonly text?: TextRuleOptions;
  /** Own masking of a text, after the built-in one; use a regular expression that cannot run away. */
  readonly also?: (text: string) => string;
}

const TEXT_MAX = 16_384;
const DEPTH_MAX = 8;
const ITEMS_MAX = 200;
const VALUES_MAX = 2000;

/** A walk through one value: what may still be copied, and what stands above. */
interface Walk {
  left: number;
  readonly above: Set<object>;
}

/**
 * Makes copies without secrets. Names decide for fields; patterns decide within texts (cards by their check digit, e-mail
 * addresses, tokens). Never throws, never changes what it is given; what is circular, unreadable or too large is cut.
 * Copies hold texts, numbers, booleans, null, arrays and plain objects: whatever JSON can say.
 */
export class Redactor {
  private readonly names: SecretNames | undefined;
  private readonly clean: (text: string) => string;

  /** `false`: nothing is masked, and copies are made all the same. */
  constructor(options: RedactionOptions | false = {}) {
    if (options === false) {
      this.names = undefined;
      this.clean = (text) => text;
      return;
    }
    const { also } = options;
    const builtIn = textRules(options.text);
    this.names = new SecretNames(options.names);
    this.clean = also === undefined ? builtIn : (text) => attempt(() => String(also(builtIn(text))), GONE);
  }

  text(value: string): string {
    if (value.length <= TEXT_MAX) return this.clean(value);
    // Cut before and after a margin, so that a secret on the cut is not halved beyond recognition.
    return `${this.clean(value.slice(0, TEXT_MAX + 256)).slice(0, TEXT_MAX)}…`;
  }

  isSecret(name: string): boolean {
    return this.names?.has(name) ?? false;
  }

  fields(value: unknown): unknown {
    return this.copy(value, DEPTH_MAX, { left: VALUES_MAX, above: new Set() });
  }

  private copy(value: unknown, depth: number, walk: Walk): unknown {
    walk.left -= 1;
    switch (typeof value) {
      case "string":
        return this.text(value);
      case "number":
        return this.number(value);
      case "bigint":
        return this.text(value.toString());
      case "symbol":
        return this.text(attempt(() => value.toString(), "[symbol]"));
      case "function":
        return "[function]";
      case "object":
        return value === null ? null : this.object(value, depth, walk);
      default:
        return value;
    }
  }

  /** A card number fits into a number. */
  private number(value: number): number | string {
    if (Number.isSafeInteger(value) && value > 1e12 && this.names !== undefined)
      return isCardNumber(String(value)) ? this.text(String(value)) : value;
    return Number.isFinite(value) ? value : String(value);
  }

  private object(value: object, depth: number, walk: Walk): unknown {
    if (walk.above.has(value)) return "[circular]";
    if (depth === 0 || walk.left <= 0) return "[cut]";
    walk.above.add(value);
    try {
      return this.opened(value, depth, walk);
    } catch {
      return "[unreadable]";
    } finally {
      walk.above.delete(value);
    }
  }

  private opened(value: object, depth: number, walk: Walk): unknown {
    if (Array.isArray(value)) return this.list(value, value.length, depth, walk);
    if (value instanceof Error) return this.error(value, depth, walk);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    if (value instanceof Map) return this.entries(value.entries(), depth, walk);
    if (value instanceof Set) return this.list(value, value.size, depth, walk);
    if (value instanceof RegExp) return this.text(String(value));
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return this.copy(toJSON.call(value), depth - 1, walk);
    return this.entries(this.members(value), depth, walk);
  }

  private list(items: Iterable<unknown>, size: number, depth: number, walk: Walk): unknown[] {
    const copies: unknown[] = [];
    for (const item of items) {
      if (copies.length >= ITEMS_MAX || walk.left <= 0) {
        copies.push(`[${size - copies.length} more]`);
        break;
      }
      copies.push(this.copy(item, depth - 1, walk));
    }
    return copies;
  }

  private *members(value: object): Iterable<[unknown, unknown]> {
    for (const name of Object.keys(value)) {
      yield [name, attempt(() => (value as Record<string, unknown>)[name], "[unreadable]")];
    }
  }

  private entries(entries: Iterable<[unknown, unknown]>, depth: number, walk: Walk): Record<string, unknown> {
    const copies: Record<string, unknown> = {};
    let count = 0;
    for (const [key, item] of entries) {
      if (count >= ITEMS_MAX || walk.left <= 0) {
        copies["…"] = "[cut]";
        break;
      }
      count += 1;
      const name = typeof key === "string" ? key : String(this.copy(key, 1, walk));
      // Set by assignment this one would become the copy's prototype.
      if (name === "__proto__") continue;
      // A map's keys are data too; names of fields are short.
      const shown = name.length > 12 ? this.text(name) : name;
      copies[shown] = this.isSecret(name) ? GONE : this.copy(item, depth - 1, walk);
    }
    return copies;
  }

  /** Name, message, stack and cause are no members that can be listed; what else hangs on an error is. */
  private error(error: Error, depth: number, walk: Walk): Record<string, unknown> {
    const { name, message, stack, cause } = error;
    const copy: Record<string, unknown> = { name: this.copy(name, 1, walk), message: this.copy(message, 1, walk) };
    if (stack !== undefined) copy.stack = this.copy(stack, 1, walk);
    if (cause !== undefined) copy.cause = this.copy(cause, depth - 1, walk);
    if (error instanceof AggregateError) copy.errors = this.copy(error.errors, depth - 1, walk);
    return { ...this.entries(this.members(error), depth, walk), ...copy };
  }
}

function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
