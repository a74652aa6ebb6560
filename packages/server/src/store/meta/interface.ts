// The metadata store: users, tokens, sessions, audit, small values. SQLite embedded; one Kysely schema, so that another
// engine is another dialect. Secrets come in as hashes only. Times are ms since the epoch.
import type { Role } from "../../tenant/principal.ts";

/** What a credential may do, and for whom. */
export interface Grant {
  readonly role: Role;
  /** Shop ids; null = all shops. */
  readonly tenants: readonly string[] | null;
}

export interface UserRecord extends Grant {
  readonly id: string;
  /** Unique, as typed. */
  readonly name: string;
  readonly passwordHash: string;
  readonly createdAtMs: number;
}

export interface TokenRecord extends Grant {
  readonly id: string;
  /** What it is for, in people's words. */
  readonly name: string;
  /** SHA-256 of the token, hex. Unique. */
  readonly hash: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  /** Null = never; kept to about a minute. */
  readonly lastUsedAtMs: number | null;
}

export interface SessionRecord extends Grant {
  /** SHA-256 of the cookie's value, hex. */
  readonly hash: string;
  readonly name: string;
  /** Whose it is: it ends when the user or the token is deleted. Both null: from a sign-in link. */
  readonly userId: string | null;
  readonly tokenId: string | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface AuditRecord {
  /** Ascending. */
  readonly id: number;
  readonly atMs: number;
  readonly who: string;
  /** For example "user.create". */
  readonly action: string;
  readonly subject: string;
  readonly detail: string;
}

/** All calls are atomic, and durable when they resolve. */
export interface MetadataStore {
  /** False, and nothing changed, when the name is taken. */
  addUser(user: UserRecord): Promise<boolean>;
  userByName(name: string): Promise<UserRecord | undefined>;
  users(): Promise<readonly UserRecord[]>;
  setPassword(userId: string, passwordHash: string): Promise<void>;
  /** Ends the user's sessions too. False when there is none. */
  deleteUser(id: string): Promise<boolean>;

  /** Replaces a token with the same id. */
  putToken(token: TokenRecord): Promise<void>;
  tokenByHash(hash: string): Promise<TokenRecord | undefined>;
  tokens(): Promise<readonly TokenRecord[]>;
  touchToken(id: string, atMs: number): Promise<void>;
  /** Ends the token's sessions too. False when there is none. */
  deleteToken(id: string): Promise<boolean>;

  addSession(session: SessionRecord): Promise<void>;
  /** Role and shops are those that the user has now. */
  sessionByHash(hash: string): Promise<SessionRecord | undefined>;
  deleteSession(hash: string): Promise<void>;
  /** Sessions and values that expired before `nowMs`. Returns how many. */
  deleteExpired(nowMs: number): Promise<number>;

  audit(entry: Omit<AuditRecord, "id">): Promise<void>;
  /** Newest first, with ids below `before`. */
  auditTrail(limit: number, before?: number): Promise<readonly AuditRecord[]>;

  /** A value under a key; `expiresAtMs` null = kept. */
  putValue(key: string, value: string, expiresAtMs: number | null): Promise<void>;
  value(key: string, nowMs: number): Promise<string | undefined>;
  /** Reads and removes: of several callers at once, one gets it. */
  takeValue(key: string, nowMs: number): Promise<string | undefined>;

  close(): Promise<void>;
}
