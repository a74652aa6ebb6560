// `("text", fields)`, `(error)`, `("text", error)`, `({ message, … })`, `("took %d ms", 12)`: text, and what gives fields.
import { format } from "node:util";

const PLACE = /%[sdifjoOc%]/g;

/** `copy`: makes a value safe to be printed. `message` is undefined when it is among the fields. */
export function messageOf(
  given: readonly unknown[],
  copy: (value: unknown) => unknown,
): { message: unknown; parts: readonly unknown[] } {
  const [first, ...rest] = given;
  // The last argument was a callback in winston's early versions.
  const parts = rest.filter((part) => typeof part !== "function");
  if (typeof first === "string") return first.includes("%") ? filledIn(first, parts, copy) : { message: first, parts };
  if (typeof first !== "object" || first === null) return { message: first ?? String(first), parts };
  const text = errorMessage(first);
  return { message: text, parts: [first, ...parts] };
}

/** The text of an error; undefined for other objects and for errors without one that can be read. */
function errorMessage(value: object): string | undefined {
  try {
    return value instanceof Error ? value.message || value.name : undefined;
  } catch {
    return undefined;
  }
}

/** Places take what is no object (`%j`, `%o`, `%O` take those too): "100%done" with fields loses none. */
function filledIn(text: string, parts: readonly unknown[], copy: (value: unknown) => unknown) {
  const values: unknown[] = [];
  for (const [place] of text.matchAll(PLACE)) {
    if (place === "%%") continue;
    if (values.length >= parts.length) break;
    const value = parts[values.length];
    if (typeof value === "object" && value !== null && !/[joO]/.test(place)) break;
    values.push(copy(value));
  }
  if (values.length === 0) return { message: text, parts };
  return { message: format(text, ...values), parts: parts.slice(values.length) };
}
