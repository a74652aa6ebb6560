// SQLite from where it is: Node's own (22.13 and later), else libsql's prebuilt binary, loaded only then.
import type { SqliteDatabase, SqliteStatement } from "kysely";

/** The subset that both engines give, in better-sqlite3's manner. */
export interface Sqlite extends SqliteDatabase {
  exec(sql: string): void;
}

const OWN_SINCE = [22, 13] as const;

/**
 * Opens or makes the file. WAL lets the command line work beside the server; FULL makes a commit survive a power cut;
 * a writer waits up to 5 s for another process.
 */
export async function openSqlite(file: string): Promise<Sqlite> {
  const database = (await openNodeSqlite(file)) ?? (await openLibsql(file));
  try {
    database.exec(
      "pragma busy_timeout = 5000; pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;",
    );
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** As openSqlite, without any pragma: for a lock. */
export async function openBareSqlite(file: string): Promise<Sqlite> {
  return (await openNodeSqlite(file)) ?? (await openLibsql(file));
}

async function openLibsql(file: string): Promise<Sqlite> {
  const { default: Libsql } = await import("libsql");
  const database = new Libsql(file);
  return {
    close: () => void database.close(),
    exec: (sql) => void database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        reader: statement.reader,
        all: (parameters) => statement.all(...parameters),
        run: (parameters) => statement.run(...parameters),
        iterate: (parameters) => statement.iterate(...parameters),
      };
    },
  };
}

type Binding = string | number | bigint | Uint8Array | null;

/** The part of node:sqlite used here; the types of Node 20 don't have the module. */
interface NodeSqlite {
  readonly DatabaseSync: new (
    file: string,
  ) => {
    close(): void;
    exec(sql: string): void;
    prepare(sql: string): {
      all(...parameters: Binding[]): unknown[];
      run(...parameters: Binding[]): ReturnType<SqliteStatement["run"]>;
      iterate(...parameters: Binding[]): IterableIterator<unknown>;
    };
  };
}

async function openNodeSqlite(file: string): Promise<Sqlite | undefined> {
  const module = nodeSqlite();
  if (!module) return undefined;
  const database = new module.DatabaseSync(file);
  return {
    close: () => database.close(),
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      const bind = (parameters: readonly unknown[]) => parameters as readonly Binding[];
      return {
        reader: answersRows(sql),
        all: (parameters) => statement.all(...bind(parameters)),
        run: (parameters) => statement.run(...bind(parameters)),
        iterate: (parameters) => statement.iterate(...bind(parameters)),
      };
    },
  };
}

/** Statements of node:sqlite do not tell whether they answer rows. Enough for what Kysely and we write. */
function answersRows(sql: string): boolean {
  return /^\s*(select|with|pragma|values|explain)\b/i.test(sql) || /\breturning\b/i.test(sql);
}

function nodeSqlite(): NodeSqlite | undefined {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < OWN_SINCE[0] || (major === OWN_SINCE[0] && minor < OWN_SINCE[1])) return undefined;
  // Node 22 says on stderr that the module is experimental: no news for the reader of our log.
  const emitWarning = process.emitWarning;
  process.emitWarning = () => {};
  try {
    const found: unknown = process.getBuiltinModule("node:sqlite");
    return found as NodeSqlite | undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}
