// The metadata store on SQLite.
import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { type Insertable, Kysely, type Selectable, SqliteDialect } from "kysely";
import { StorewatchError } from "../../kernel/errors.ts";
import { ROLES, type Role } from "../../tenant/principal.ts";
import type { AuditRecord, MetadataStore, SessionRecord, TokenRecord, UserRecord } from "./interface.ts";
import { migrate } from "./migrations.ts";
import type { MetaTables } from "./schema.ts";
import { openSqlite } from "./sqlite.ts";

/** The database's place in a data directory. */
export function metadataFile(dataDir: string): string {
  return path.join(dataDir, "meta.db");
}

/** Opens or makes the database and brings it to this version. Throws DATA_NEWER, DATA_DAMAGED. */
export async function openMetadataStore(file: string): Promise<MetadataStore> {
  // Hashes of secrets: for the owner only, also in a directory that others can read. The WAL takes the file's mode.
  closeSync(openSync(file, "a", 0o600));
  try {
    return await openChecked(file);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const loss = "users, tokens and what was saved in the app are lost then";
    throw new StorewatchError("DATA_DAMAGED", { file, reason: (error as Error).message, loss }, { cause: error });
  }
}

async function openChecked(file: string): Promise<MetadataStore> {
  const database = await openSqlite(file);
  const db = new Kysely<MetaTables>({ dialect: new SqliteDialect({ database }) });
  try {
    // A damaged page would else come to light with the request that reads it. The file is small: a few ms.
    const findings = database.prepare("pragma quick_check").all([]) as ReadonlyArray<{ readonly quick_check: string }>;
    if (findings[0]?.quick_check !== "ok") throw new Error(`malformed: ${findings[0]?.quick_check}`);
    migrate(database, db, file);
  } catch (error) {
    database.close();
    throw error;
  }
  return createStore(db);
}

/** In SQLite's words, of either engine. */
function isDamage(error: unknown): boolean {
  return error instanceof Error && /malformed|not a database/i.test(error.message);
}

function createStore(db: Kysely<MetaTables>): MetadataStore {
  return {
    ...userCalls(db),
    ...tokenCalls(db),
    ...sessionCalls(db),
    ...auditCalls(db),
    ...valueCalls(db),
    close: () => db.destroy(),
  };
}

function userCalls(db: Kysely<MetaTables>) {
  return {
    async addUser(user) {
      const result = await db
        .insertInto("users")
        .values({
          id: user.id,
          name: user.name,
          password_hash: user.passwordHash,
          role: user.role,
          tenants: tenantsText(user.tenants),
          created_at_ms: user.createdAtMs,
        })
        .onConflict((conflict) => conflict.column("name").doNothing())
        .executeTakeFirst();
      return Number(result.numInsertedOrUpdatedRows ?? 0) > 0;
    },
    async userByName(name) {
      const row = await db.selectFrom("users").selectAll().where("name", "=", name).executeTakeFirst();
      return row && userOf(row);
    },
    async users() {
      return (await db.selectFrom("users").selectAll().orderBy("name").execute()).map(userOf);
    },
    async setPassword(userId, passwordHash) {
      await db.updateTable("users").set({ password_hash: passwordHash }).where("id", "=", userId).execute();
    },
    async deleteUser(id) {
      const result = await db.deleteFrom("users").where("id", "=", id).executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
  } satisfies Partial<MetadataStore>;
}

function tokenCalls(db: Kysely<MetaTables>) {
  return {
    async putToken(token) {
      const row: Insertable<MetaTables["tokens"]> = {
        id: token.id,
        name: token.name,
        hash: token.hash,
        role: token.role,
        tenants: tenantsText(token.tenants),
        created_at_ms: token.createdAtMs,
        created_by: token.createdBy,
        last_used_at_ms: token.lastUsedAtMs,
      };
      await db
        .insertInto("tokens")
        .values(row)
        .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
        .execute();
    },
    async tokenByHash(hash) {
      const row = await db.selectFrom("tokens").selectAll().where("hash", "=", hash).executeTakeFirst();
      return row && tokenOf(row);
    },
    async tokens() {
      return (await db.selectFrom("tokens").selectAll().orderBy("created_at_ms").orderBy("id").execute()).map(tokenOf);
    },
    async touchToken(id, atMs) {
      await db.updateTable("tokens").set({ last_used_at_ms: atMs }).where("id", "=", id).execute();
    },
    async deleteToken(id) {
      const result = await db.deleteFrom("tokens").where("id", "=", id).executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
  } satisfies Partial<MetadataStore>;
}

function sessionCalls(db: Kysely<MetaTables>) {
  return {
    async addSession(session) {
      await db
        .insertInto("sessions")
        .values({
          hash: session.hash,
          name: session.name,
          role: session.role,
          tenants: tenantsText(session.tenants),
          user_id: session.userId,
          token_id: session.tokenId,
          created_at_ms: session.createdAtMs,
          expires_at_ms: session.expiresAtMs,
        })
        .execute();
    },
    async sessionByHash(hash) {
      const row = await db
        .selectFrom("sessions")
        .leftJoin("users", "users.id", "sessions.user_id")
        .selectAll("sessions")
        .select(["users.role as user_role", "users.tenants as user_tenants"])
        .where("sessions.hash", "=", hash)
        .executeTakeFirst();
      if (!row) return undefined;
      return sessionOf(
        row.user_id === null ? row : { ...row, role: row.user_role ?? row.role, tenants: row.user_tenants },
      );
    },
    async deleteSession(hash) {
      await db.deleteFrom("sessions").where("hash", "=", hash).execute();
    },
    async deleteExpired(nowMs) {
      const sessions = await db.deleteFrom("sessions").where("expires_at_ms", "<=", nowMs).executeTakeFirst();
      const values = await db.deleteFrom("key_values").where("expires_at_ms", "<=", nowMs).executeTakeFirst();
      return Number(sessions.numDeletedRows + values.numDeletedRows);
    },
  } satisfies Partial<MetadataStore>;
}

function auditCalls(db: Kysely<MetaTables>) {
  return {
    async audit({ atMs, who, action, subject, detail }) {
      await db.insertInto("audit").values({ at_ms: atMs, who, action, subject, detail }).execute();
    },
    async auditTrail(limit, before) {
      let query = db.selectFrom("audit").selectAll().orderBy("id", "desc").limit(limit);
      if (before !== undefined) query = query.where("id", "<", before);
      const rows = await query.execute();
      return rows.map(({ at_ms, ...row }): AuditRecord => ({ ...row, atMs: at_ms }));
    },
  } satisfies Partial<MetadataStore>;
}

function valueCalls(db: Kysely<MetaTables>) {
  const alive = (row: { value: string; expires_at_ms: number | null } | undefined, nowMs: number) =>
    row && (row.expires_at_ms === null || row.expires_at_ms > nowMs) ? row.value : undefined;
  return {
    async putValue(key, value, expiresAtMs) {
      const row = { key, value, expires_at_ms: expiresAtMs };
      await db
        .insertInto("key_values")
        .values(row)
        .onConflict((conflict) => conflict.column("key").doUpdateSet(row))
        .execute();
    },
    async value(key, nowMs) {
      const row = await db.selectFrom("key_values").selectAll().where("key", "=", key).executeTakeFirst();
      return alive(row, nowMs);
    },
    async takeValue(key, nowMs) {
      // One statement, so of two callers one gets the row.
      const row = await db.deleteFrom("key_values").where("key", "=", key).returningAll().executeTakeFirst();
      return alive(row, nowMs);
    },
  } satisfies Partial<MetadataStore>;
}

function tenantsText(tenants: readonly string[] | null): string | null {
  return tenants === null ? null : JSON.stringify(tenants);
}

/** Closed by default: text that is no list of strings gives no shop, never all of them. */
function tenantsOf(text: string | null): readonly string[] | null {
  if (text === null) return null;
  const data: unknown = JSON.parse(text);
  return Array.isArray(data) ? data.filter((id): id is string => typeof id === "string") : [];
}

function roleOf(text: string): Role {
  const role = ROLES.find((known) => known === text);
  if (!role) throw new Error(`BUG: role ${text} in the metadata store`);
  return role;
}

function userOf(row: Selectable<MetaTables["users"]>): UserRecord {
  const { id, name } = row;
  const grant = { role: roleOf(row.role), tenants: tenantsOf(row.tenants) };
  return { id, name, passwordHash: row.password_hash, createdAtMs: row.created_at_ms, ...grant };
}

function tokenOf(row: Selectable<MetaTables["tokens"]>): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    role: roleOf(row.role),
    tenants: tenantsOf(row.tenants),
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    lastUsedAtMs: row.last_used_at_ms,
  };
}

function sessionOf(row: Selectable<MetaTables["sessions"]>): SessionRecord {
  return {
    hash: row.hash,
    name: row.name,
    role: roleOf(row.role),
    tenants: tenantsOf(row.tenants),
    userId: row.user_id,
    tokenId: row.token_id,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
