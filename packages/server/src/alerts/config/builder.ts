// What the parts of the loader share: where findings go, how secrets and files are resolved.
import { isAbsolute, resolve } from "node:path";
import type { Finding } from "@storewatch/model";
import type { ConfigDocument, Path } from "../../config/document.ts";
import { isEnvironmentReference } from "./schema.ts";
import { Secret } from "./secret.ts";

export interface LoadOptions {
  /** For `${NAME}` as the whole value of a secret. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from: that of the file. */
  readonly baseDir?: string;
}

export class Builder {
  readonly findings: Finding[] = [];

  constructor(
    private readonly document: ConfigDocument,
    private readonly options: LoadOptions,
  ) {}

  error(path: Path, message: string, why?: string): void {
    this.findings.push(this.document.finding(path, message, { code: "ALERTMANAGER_CONFIG", why }));
  }

  warn(path: Path, code: string, message: string, why?: string, fix?: string): void {
    this.findings.push(this.document.finding(path, message, { code, severity: "warning", why, fix }));
  }

  /** Of the environment that was passed in; undefined when it is not set or empty. */
  variable(...names: readonly string[]): string | undefined {
    return names.map((name) => this.options.environment?.[name]).find(Boolean);
  }

  file(path: string): string {
    return isAbsolute(path) ? path : resolve(this.options.baseDir ?? ".", path);
  }

  /** From `key` or `key_file` of a section; both at once is an error. */
  secret(section: Readonly<Record<string, unknown>>, key: string, path: Path): Secret | undefined {
    const value = section[key];
    const file = section[`${key}_file`];
    if (value && file) this.error([...path, key], `at most one of ${key} & ${key}_file must be configured`);
    if (typeof value === "string" && value !== "") return this.literalSecret(value, [...path, key]);
    if (typeof file === "string" && file !== "") return Secret.fromFile(this.file(file));
    return undefined;
  }

  /** `${NAME}` is taken from the environment that was passed in; anything else is the secret itself. */
  literalSecret(value: string, path: Path): Secret {
    if (!isEnvironmentReference(value)) return Secret.of(value);
    const name = value.slice(2, -1);
    const found = this.options.environment?.[name];
    if (found === undefined) this.error(path, `environment variable ${name} is not set`);
    return Secret.of(found ?? "");
  }
}
