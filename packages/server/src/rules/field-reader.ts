// Reads plain data of a user's YAML file strictly: unknown keys, wrong kinds and bad durations become findings with
// their place. Scalars are read as text, as they were written: `007` stays `007`.
import { type Finding, type LabelRecord, parseDurationMs } from "@storewatch/model";
import { type ConfigDocument, closest, type Path } from "../config/document.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export class FieldReader {
  readonly findings: Finding[] = [];

  constructor(
    readonly document: ConfigDocument,
    private readonly settings: { readonly code: string; readonly ignoreUnknownFields: boolean },
  ) {}

  error(path: Path, message: string, more: { code?: string; fix?: string; why?: string } = {}): void {
    this.findings.push(this.document.finding(path, message, { code: this.settings.code, ...more }));
  }

  /** Complains about keys that are not known here. */
  keys(fields: Fields, path: Path, known: readonly string[]): void {
    if (this.settings.ignoreUnknownFields) return;
    for (const key of Object.keys(fields)) {
      if (known.includes(key)) continue;
      const near = closest(key, known);
      const fix = near ? `did you mean \`${near}\`?` : `known keys here: ${known.join(", ")}`;
      this.error([...path, key], `field ${key} not found`, { code: "CONFIG_KEY", fix });
    }
  }

  /** A scalar as text; "" when absent. */
  text(fields: Fields, key: string, path: Path): string {
    const value = fields[key];
    if (value == null) return "";
    if (typeof value === "string") return value;
    const at = [...path, key];
    if (typeof value !== "object") return this.document.sourceAt(at) ?? String(value);
    this.error(at, `${key}: must be a text`);
    return "";
  }

  /** Milliseconds; undefined when absent. */
  duration(fields: Fields, key: string, path: Path): number | undefined {
    const text = this.text(fields, key, path);
    if (text === "") return undefined;
    const ms = parseDurationMs(text);
    if (ms === undefined) this.error([...path, key], `${key}: not a valid duration string: "${text}"`);
    return ms;
  }

  /** A map of texts. */
  labels(fields: Fields, key: string, path: Path): LabelRecord {
    const value = fields[key];
    const at = [...path, key];
    if (value == null) return {};
    if (!isMap(value)) {
      this.error(at, `${key}: must be a map of names to texts`);
      return {};
    }
    return Object.fromEntries(Object.keys(value).map((name) => [name, this.text(value, name, at)]));
  }

  /** The entries of a list with their paths; none when it is absent. */
  list(fields: Fields, key: string, path: Path): { value: unknown; path: Path }[] {
    const value = fields[key];
    const at = [...path, key];
    if (value == null) return [];
    if (!Array.isArray(value)) {
      this.error(at, `${key}: must be a list`);
      return [];
    }
    return value.map((item: unknown, i) => ({ value: item, path: [...at, i] }));
  }

  /** The maps of a list with their paths. */
  maps(fields: Fields, key: string, path: Path): { fields: Fields; path: Path }[] {
    return this.list(fields, key, path).flatMap((item) => {
      if (isMap(item.value)) return [{ fields: item.value, path: item.path }];
      this.error(item.path, `${key}: each entry must be a map`);
      return [];
    });
  }
}
