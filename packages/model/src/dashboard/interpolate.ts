// Variables and macros in expressions and titles: $name, ${name}, ${name:format}, ${name.field}, [[name]].

export const ALL_VALUE = "$__all";

/** What a variable stands for now. `all` with an `allValue`: that text goes in as it is. */
export interface VariableValue {
  readonly values: readonly string[];
  readonly texts?: readonly string[];
  /** Multi-value and "All" variables are escaped for a regular expression even when one value is chosen. */
  readonly multi: boolean;
  readonly raw?: string;
}

export type VariableValues = ReadonlyMap<string, VariableValue>;

const REFERENCE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:}]+))?(?::([^}]+))?\}/g;

/** Puts values in for references whose name is known; others stay as they are. For PromQL: default format. */
export function interpolateExpression(text: string, variables: VariableValues): string {
  return replaceReferences(text, variables, formatForPromql);
}

/** For titles and labels: texts joined by " + "; also the seed's `{{name}}` form. */
export function interpolateText(text: string, variables: VariableValues): string {
  const plain = (value: VariableValue) => (value.texts ?? value.values).join(" + ");
  const replaced = replaceReferences(text, variables, plain);
  return replaced.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => {
    const value = variables.get(name);
    return value ? plain(value) : whole;
  });
}

/** Names of the variables that a text refers to. */
export function referencedVariables(text: string): Set<string> {
  const names = new Set<string>();
  for (const match of text.matchAll(REFERENCE)) names.add(match[1] ?? match[2] ?? match[4]);
  return names;
}

function replaceReferences(
  text: string,
  variables: VariableValues,
  byDefault: (value: VariableValue) => string,
): string {
  return text.replace(
    REFERENCE,
    (whole, a?: string, b?: string, bFormat?: string, c?: string, _field?: string, cFormat?: string) => {
      const value = variables.get(a ?? b ?? c ?? "");
      if (!value) return whole;
      const format = bFormat ?? cFormat;
      return format === undefined ? byDefault(value) : formatAs(value, format, a ?? b ?? c ?? "");
    },
  );
}

function formatForPromql(value: VariableValue): string {
  if (value.raw !== undefined) return value.raw;
  if (!value.multi) return value.values.map(escapeQuoted).join(",");
  const escaped = value.values.map(escapeRegex);
  return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
}

function formatAs(value: VariableValue, format: string, name: string): string {
  const { values } = value;
  switch (format) {
    case "regex": {
      if (value.raw !== undefined) return value.raw;
      const escaped = values.map((text) => text.replace(/[/\\^$*+?.()|[\]{}-]/g, "\\$&"));
      return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
    }
    case "pipe":
      return values.join("|");
    case "json":
      return JSON.stringify(values.length === 1 && !value.multi ? values[0] : values);
    case "queryparam":
      return values.map((text) => `var-${encodeURIComponent(name)}=${encodeURIComponent(text)}`).join("&");
    case "doublequote":
      return values.map((text) => `"${text.replaceAll('"', '\\"')}"`).join(",");
    case "singlequote":
      return values.map((text) => `'${text.replaceAll("'", "\\'")}'`).join(",");
    case "sqlstring":
      return values.map((text) => `'${text.replaceAll("'", "''")}'`).join(",");
    case "glob":
      return values.length === 1 ? values[0] : `{${values.join(",")}}`;
    case "percentencode":
      return encodeURIComponent(values.length === 1 ? values[0] : `{${values.join(",")}}`);
    case "lucene":
      return values.length === 1 ? values[0] : `(${values.map((text) => `"${text}"`).join(" OR ")})`;
    case "text":
      return (value.texts ?? values).join(" + ");
    default: // raw, csv, distributed and unknown formats
      return values.join(",");
  }
}

/** Inside a quoted PromQL string: backslash and quotes. */
const escapeQuoted = (text: string): string => text.replace(/\\/g, "\\\\").replace(/"/g, '\\"');

/** As a regular expression inside a quoted PromQL string: operators escaped, and the escape itself escaped. */
const escapeRegex = (text: string): string =>
  text
    .replace(/\\/g, "\\\\\\\\")
    .replace(/[$^*{}[\]'+?.()|]/g, "\\\\$&")
    .replace(/"/g, '\\"');
