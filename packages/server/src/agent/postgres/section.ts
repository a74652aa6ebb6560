// Section `postgres` of agent.yml.
import { parseDurationMs } from "@storewatch/model";
import { z } from "zod";

const duration = z.string().transform((text, context) => {
  const milliseconds = parseDurationMs(text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
  context.addIssue({ code: "custom", message: "expected a duration such as 5s" });
  return z.NEVER;
});

const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

export interface PostgresUrl {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly sslMode: SslMode | undefined;
  readonly sslRootCert: string | undefined;
}

/** Undefined for what is no address of a PostgreSQL. The text may hold a password: don't show it. */
export function parsePostgresUrl(given: string): PostgresUrl | undefined {
  // `user@/shop?host=/run/postgresql` has no host, which URL does not take.
  const text = given.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?]|$)/, "$1localhost");
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const word = (encoded: string) => (encoded === "" ? undefined : decodeURIComponent(encoded));
  const sslMode = url.searchParams.get("sslmode") ?? undefined;
  if (sslMode !== undefined && !SSL_MODES.some((mode) => mode === sslMode)) return undefined;
  try {
    const host = url.searchParams.get("host") ?? word(url.hostname.replace(/^\[(.*)\]$/, "$1")) ?? "localhost";
    return {
      host,
      port: Number(url.port || url.searchParams.get("port") || 5432),
      database: word(url.pathname.slice(1)),
      username: word(url.username) ?? url.searchParams.get("user") ?? undefined,
      password: word(url.password) ?? url.searchParams.get("password") ?? undefined,
      sslMode: sslMode as SslMode | undefined,
      sslRootCert: url.searchParams.get("sslrootcert") ?? undefined,
    };
  } catch {
    return undefined;
  }
}

const postgresUrl = z.string().transform((text, context) => {
  const parsed = parsePostgresUrl(text);
  if (parsed) return parsed;
  context.addIssue({
    code: "custom",
    message: `expected postgresql://USER@HOST:PORT/DATABASE; sslmode is one of ${SSL_MODES.join(", ")}`,
  });
  return z.NEVER;
});

const file = z.string().min(1);
const rows = z.int().min(0).max(1000);

export const postgresSchema = z
  .strictObject({
    url: postgresUrl
      .optional()
      .describe(
        "`postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full`; `${NAME}` from the environment. Without it the `datasource.uri` of a query file is taken.",
      ),
    password: z.string().min(1).optional().describe("Write `${NAME}`: it takes the password from the environment."),
    password_file: file.optional().describe("File that holds the password; read at each connection."),
    tls: z
      .strictObject({
        ca: file.optional().describe("Authorities to trust in place of the system's, PEM."),
        cert: file.optional().describe("Client certificate, PEM."),
        key: file.optional().describe("Its key, PEM."),
      })
      .prefault({}),
    timeout: duration.prefault("8s").describe("Time limit of one look at the server."),
    connect_timeout: duration.prefault("3s").describe("Time limit of connecting."),
    query_timeout: duration
      .prefault("5s")
      .describe("Time limit of one query, in the server (`statement_timeout`) and here."),
    settings: z.boolean().default(true).describe("False: no `pg_settings_*`."),
    user_tables: z
      .int()
      .min(0)
      .max(100_000)
      .default(500)
      .describe(
        "Tables of the database shown in `pg_stat_user_tables_*` and `pg_statio_user_tables_*`, the largest first; 0: none.",
      ),
    statements: rows
      .default(10)
      .describe("Statements of pg_stat_statements shown: so many by total time and so many by mean time; 0: none."),
    statement_text: z
      .int()
      .min(0)
      .max(4000)
      .default(200)
      .describe("Characters of a statement's text in `pg_stat_statements_query_id`; 0: no text."),
    queries: z
      .array(file)
      .default([])
      .describe("Files of custom queries, in postgres_exporter's form or as `queries:` with `- name`."),
    query_rows_max: z.int().min(1).max(100_000).default(5000).describe("Rows taken of a custom query."),
  })
  .optional();

export type PostgresSection = NonNullable<z.output<typeof postgresSchema>>;
