// Files of custom queries: postgres_exporter's (`namespace: {query, metrics}`), and `queries:` with `- name`.
import { parseDurationMs } from "@storewatch/model";
import { z } from "zod";
import { ConfigError, parseConfigDocument, validate } from "../../config/document.ts";
import { parsePostgresUrl } from "./section.ts";
import { parseVersionRange } from "./version-range.ts";

const USAGES = ["LABEL", "COUNTER", "GAUGE", "HISTOGRAM", "MAPPEDMETRIC", "DURATION", "DISCARD"] as const;

const versions = z.string().transform((text, context) => {
  const test = parseVersionRange(text);
  if (test) return test;
  context.addIssue({ code: "custom", message: "expected a range of versions such as >=13 or >=12 <16" });
  return z.NEVER;
});

const METRIC_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const namespaceName = z.string().regex(METRIC_NAME, "expected a name such as tenant_metrics");

const column = z.strictObject({
  usage: z.string().transform((text, context) => {
    const usage = USAGES.find((known) => known === text.toUpperCase());
    if (usage) return usage;
    context.addIssue({ code: "custom", message: `expected one of ${USAGES.join(", ")}` });
    return z.NEVER;
  }),
  description: z.string().default(""),
  metric_mapping: z.record(z.string(), z.number()).optional(),
  pg_version: versions.optional(),
});

const query = {
  query: z.string().min(1),
  metrics: z.array(z.record(z.string().min(1), column)).min(1),
  master: z.boolean().default(false),
  cache_seconds: z.number().min(0).default(0),
  runonserver: versions.optional(),
  query_overrides: z.record(z.string(), z.string()).optional(),
  timeout: z
    .string()
    .transform((text, context) => {
      const milliseconds = parseDurationMs(text);
      if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
      context.addIssue({ code: "custom", message: "expected a duration such as 2s" });
      return z.NEVER;
    })
    .optional(),
};

const datasourceUri = z.string().transform((text, context) => {
  const url = parsePostgresUrl(text);
  if (url) return url;
  context.addIssue({ code: "custom", message: "expected postgresql://USER@HOST:PORT/DATABASE" });
  return z.NEVER;
});

const listForm = z.strictObject({
  datasource: z.strictObject({ uri: datasourceUri }).optional(),
  queries: z.array(z.strictObject({ name: namespaceName, ...query })),
});
const mapForm = z.record(namespaceName, z.strictObject(query));

type QueryText = z.output<typeof mapForm>[string];
export type ColumnRule = z.output<typeof column>;

export interface CustomQuery extends Omit<QueryText, "metrics" | "master"> {
  readonly name: string;
  /** Column → what becomes of it, in the file's order. */
  readonly columns: ReadonlyMap<string, ColumnRule>;
}

export interface CustomFile {
  readonly queries: readonly CustomQuery[];
  readonly url: ReturnType<typeof parsePostgresUrl>;
}

/** Throws ConfigError with the positions of what is wrong. */
export function parseCustomFile(shown: string, text: string): CustomFile {
  const document = parseConfigDocument(shown, text);
  const { data } = document;
  if (data === null) return { queries: [], url: undefined };
  if (typeof data === "object" && "queries" in data && Array.isArray(data.queries)) {
    const { datasource, queries } = validate(listForm, document);
    return { queries: queries.map(({ name, ...rest }) => compile(name, rest)), url: datasource?.uri };
  }
  const queries = Object.entries(validate(mapForm, document)).map(([name, rest]) => compile(name, rest));
  return { queries, url: undefined };
}

function compile(name: string, { metrics, master: _, ...rest }: QueryText): CustomQuery {
  return { ...rest, name, columns: new Map(metrics.flatMap((entry) => Object.entries(entry))) };
}

/** The query's text for this server: an override whose range it is in goes first; undefined: not for this server. */
export function textFor({ query: text, runonserver, query_overrides: overrides = {} }: CustomQuery, version: number) {
  if (runonserver && !runonserver(version)) return undefined;
  for (const [range, override] of Object.entries(overrides)) {
    if (parseVersionRange(range)?.(version)) return override === "" ? undefined : override;
  }
  return text;
}

/** Findings of a file; of a YAML error the first line, because the others show the text around it. */
export function describeFileError(error: unknown): string {
  if (!(error instanceof ConfigError)) return error instanceof Error ? error.message : String(error);
  return error.findings
    .map(({ line, column: at, message }) => `line ${line}:${at}: ${message.split("\n")[0]}`)
    .join("; ");
}
