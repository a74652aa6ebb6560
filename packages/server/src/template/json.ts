// encoding/json over template values: sorted map keys, and <, > and & escaped so that the text may stand in a page.
import { TemplateError, type TemplateValue } from "./interface.ts";
import { formatFloat } from "./numbers.ts";
import { GoTime } from "./time.ts";
import { entriesOf, GoStruct, intOf, itemsOf, kindOf, sortedKeys, stringOf } from "./values.ts";

const DEPTH_LIMIT = 100;

export function toJson(value: TemplateValue, depth = 0): string {
  if (depth > DEPTH_LIMIT) throw new TemplateError("value is nested too deeply for JSON");
  if (value instanceof GoTime) return quoteJson(value.toJSON());
  switch (kindOf(value)) {
    case "invalid":
    case "nil":
      return "null";
    case "bool":
      return String(value);
    case "int":
      return String(intOf(value));
    case "float":
      return jsonNumber(value as number);
    case "string":
      return quoteJson(stringOf(value)!);
    case "list":
      return `[${itemsOf(value)!
        .map((item) => toJson(item, depth + 1))
        .join(",")}]`;
    case "map": {
      const entries = entriesOf(value)!;
      return `{${sortedKeys(entries)
        .map((key) => `${quoteJson(key)}:${toJson(entries.get(key), depth + 1)}`)
        .join(",")}}`;
    }
    case "struct":
      return structJson(value, depth);
    default:
      throw new TemplateError("json: unsupported type");
  }
}

function structJson(value: TemplateValue, depth: number): string {
  if (!(value instanceof GoStruct)) return "{}";
  const fields = value.json ? (value.json() as Record<string, TemplateValue>) : value.fields;
  const parts = Object.entries(fields).map(([key, field]) => `${quoteJson(key)}:${toJson(field, depth + 1)}`);
  return `{${parts.join(",")}}`;
}

function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TemplateError(`json: unsupported value: ${formatFloat(value, "g", -1)}`);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-6 || size >= 1e21)) return formatFloat(value, "e", -1).replace(/e-0(\d)$/, "e-$1");
  return formatFloat(value, "f", -1);
}

export function quoteJson(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
