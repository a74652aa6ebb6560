// The only place that reads the environment. What a user's file takes from it stands there as ${NAME}.
import type { Finding } from "@storewatch/model";
import { type ConfigDocument, ConfigError, type Path } from "./document.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export function systemEnvironment(): Environment {
  return process.env;
}

const REFERENCE = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * The document with `${NAME}` in its string values replaced; `$${` stands for a plain `${`. A name that is not set is
 * an error with its position: an empty password would be found much later. Throws ConfigError.
 */
export function expandEnvironment(document: ConfigDocument, environment: Environment): ConfigDocument {
  const findings: Finding[] = [];
  const expand = (value: unknown, path: Path): unknown => {
    if (typeof value === "string") {
      return value.replace(REFERENCE, (_, escaped: string | undefined, name: string) => {
        if (escaped) return escaped;
        const found = environment[name];
        if (found === undefined) findings.push(missing(document, path, name));
        return found ?? "";
      });
    }
    if (Array.isArray(value)) return value.map((item, i) => expand(item, [...path, i]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, [...path, key])]));
  };
  const data = expand(document.data, []);
  if (findings.length > 0) throw new ConfigError(findings);
  return { ...document, data };
}

function missing(document: ConfigDocument, path: Path, name: string): Finding {
  return document.finding(path, `the environment variable ${name} is not set`, {
    code: "CONFIG_ENVIRONMENT",
    fix: `set ${name}, or write $\${${name}} for the plain text`,
  });
}
