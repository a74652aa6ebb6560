// Migrations as code: version n is the list up to its nth entry. Entries are never changed, only added.
import type { Compilable, Kysely } from "kysely";
import { StorewatchError } from "../../kernel/errors.ts";
import type { MetaTables } from "./schema.ts";
import type { Sqlite } from "./sqlite.ts";

/** The statements of one step. */
type Migration = (db: Kysely<MetaTables>) => readonly Compilable[];

const MIGRATIONS: readonly Migration[] = [createTables];

export const META_VERSION = MIGRATIONS.length;

/**
 * Brings the tables to this version, in one transaction and one turn of the event loop: a second opener, in this process
 * or another, waits for the first. Throws DATA_NEWER for a newer one: an older program must not write what it does not
 * understand.
 */
export function migrate(database: Sqlite, db: Kysely<MetaTables>, file: string): void {
  const run = (query: Compilable) => {
    const { sql: text, parameters } = query.compile();
    database.prepare(text).run(parameters);
  };
  database.exec("begin immediate");
  try {
    database.exec("create table if not exists schema_version (version integer not null)");
    const rows = database.prepare("select version from schema_version").all([]) as Array<{ version: number }>;
    const found = rows[0]?.version ?? 0;
    if (found > META_VERSION) throw new StorewatchError("DATA_NEWER", { file, found, known: META_VERSION });
    for (const step of MIGRATIONS.slice(found)) for (const statement of step(db)) run(statement);
    if (rows.length === 0) run(db.insertInto("schema_version").values({ version: META_VERSION }));
    else run(db.updateTable("schema_version").set({ version: META_VERSION }));
    database.exec("commit");
  } catch (error) {
    database.exec("rollback");
    throw error;
  }
}

function createTables(db: Kysely<MetaTables>): readonly Compilable[] {
  return [
    db.schema
      .createTable("users")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("name", "text", (c) => c.notNull().unique())
      .addColumn("password_hash", "text", (c) => c.notNull())
      .addColumn("role", "text", (c) => c.notNull())
      .addColumn("tenants", "text")
      .addColumn("created_at_ms", "bigint", (c) => c.notNull()),
    db.schema
      .createTable("tokens")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("hash", "text", (c) => c.notNull().unique())
      .addColumn("role", "text", (c) => c.notNull())
      .addColumn("tenants", "text")
      .addColumn("created_at_ms", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .addColumn("last_used_at_ms", "bigint"),
    db.schema
      .createTable("sessions")
      .addColumn("hash", "text", (c) => c.primaryKey())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("role", "text", (c) => c.notNull())
      .addColumn("tenants", "text")
      .addColumn("user_id", "text", (c) => c.references("users.id").onDelete("cascade"))
      .addColumn("token_id", "text", (c) => c.references("tokens.id").onDelete("cascade"))
      .addColumn("created_at_ms", "bigint", (c) => c.notNull())
      .addColumn("expires_at_ms", "bigint", (c) => c.notNull()),
    db.schema
      .createTable("audit")
      .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
      .addColumn("at_ms", "bigint", (c) => c.notNull())
      .addColumn("who", "text", (c) => c.notNull())
      .addColumn("action", "text", (c) => c.notNull())
      .addColumn("subject", "text", (c) => c.notNull())
      .addColumn("detail", "text", (c) => c.notNull()),
    db.schema
      .createTable("key_values")
      .addColumn("key", "text", (c) => c.primaryKey())
      .addColumn("value", "text", (c) => c.notNull())
      .addColumn("expires_at_ms", "bigint"),
    db.schema.createIndex("sessions_expiry").on("sessions").column("expires_at_ms"),
  ];
}
