// One connection to PostgreSQL: read-only, with time limits in the server and here, kept from scrape to scrape.
import { readFileSync } from "node:fs";
import net from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Client, QueryConfig } from "pg";
import { readSecretFile } from "../secrets.ts";
import type { PostgresSection, PostgresUrl, SslMode } from "./section.ts";

/** As PostgreSQL writes it; null for NULL. */
export type Row = readonly (string | null)[];

export interface Rows {
  readonly columns: ReadonlyArray<{ readonly name: string; readonly typeId: number }>;
  readonly rows: readonly Row[];
}

export interface SessionOptions {
  readonly section: PostgresSection;
  readonly url: PostgresUrl;
  readonly resolve: (file: string) => string;
}

/** Of a value as text, so that a bigint stays what it is. */
const AS_TEXT = { getTypeParser: () => (value: string | null) => value };
const PROTOCOL_GRACE_MS = 500;

export function passwordOf({ section, url, resolve }: SessionOptions): string | undefined {
  if (section.password_file !== undefined) return readSecretFile(resolve(section.password_file));
  return section.password ?? url.password;
}

export class Session {
  private isEnded = false;

  private constructor(
    private readonly client: Client,
    private readonly socket: net.Socket,
    private readonly queryTimeoutMs: number,
    /** 150018 for 15.18. */
    readonly versionNumber: number,
    /** The server's own words. */
    readonly version: string,
  ) {}

  /** Connects, makes the session read-only and asks for the version. `signal` ends the attempt. */
  static async open(options: SessionOptions, password: string | undefined, signal: AbortSignal): Promise<Session> {
    const mode = options.url.sslMode ?? "prefer";
    if (mode !== "prefer") return Session.openWith(options, password, mode, signal);
    try {
      return await Session.openWith(options, password, "require", signal);
    } catch (error) {
      if (!/does not support SSL/.test(error instanceof Error ? error.message : "")) throw error;
      return Session.openWith(options, password, "disable", signal);
    }
  }

  private static async openWith(
    options: SessionOptions,
    password: string | undefined,
    mode: SslMode,
    signal: AbortSignal,
  ): Promise<Session> {
    signal.throwIfAborted();
    // Loaded when there is a server to watch: nobody else pays for it.
    const { default: pg } = await import("pg");
    const { section, url } = options;
    const socket = new net.Socket();
    const isUnix = url.host.startsWith("/");
    const client = new pg.Client({
      host: url.host,
      port: url.port,
      user: url.username,
      database: url.database ?? url.username,
      password,
      ssl: isUnix || mode === "disable" ? false : tlsOptions(options, mode),
      connectionTimeoutMillis: section.connect_timeout,
      application_name: "storewatch_agent",
      keepAlive: true,
      types: AS_TEXT,
      stream: () => socket,
    });
    const stop = () => socket.destroy(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    // What happens between two looks: the next one finds the session ended.
    let session: Session | undefined;
    client.on("error", () => session?.kill());
    try {
      await client.connect();
      const timeoutMs = section.query_timeout;
      await client.query(
        `SET default_transaction_read_only = on; SET statement_timeout = ${timeoutMs}; SET lock_timeout = ${timeoutMs}; ` +
          "SET idle_in_transaction_session_timeout = 60000; SET datestyle = 'ISO'; SET timezone = 'UTC'",
      );
      const { rows } = await client.query({
        text: "SELECT current_setting('server_version_num'), version()",
        rowMode: "array",
      });
      const [[number, version]] = rows as [[string, string]];
      session = new Session(client, socket, timeoutMs, Number(number), version);
      return session;
    } catch (error) {
      socket.destroy();
      if (signal.aborted) throw signal.reason;
      const isLate = error instanceof Error && error.message === "timeout expired";
      throw isLate ? new Error(`no connection within ${section.connect_timeout / 1000} s`) : error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  get isOpen(): boolean {
    return !this.isEnded && !this.socket.destroyed;
  }

  /** 15 for 15.18. */
  get major(): number {
    return Math.floor(this.versionNumber / 10_000);
  }

  /** A query of our own: one statement, in a transaction of its own. */
  query(text: string, values: readonly (string | number)[] = []): Promise<Rows> {
    return this.run(text, this.queryTimeoutMs, values);
  }

  /**
   * A query that somebody wrote: as a cursor in a read-only transaction, which takes one SELECT and nothing that writes,
   * and of whose rows no more than `rowsMax` are fetched. Whether there are more is told.
   */
  async queryForeign(
    text: string,
    { timeoutMs, rowsMax }: { readonly timeoutMs: number; readonly rowsMax: number },
  ): Promise<Rows & { readonly isCut: boolean }> {
    await this.run(
      `BEGIN READ ONLY; SET LOCAL statement_timeout = ${timeoutMs}; SET LOCAL cursor_tuple_fraction = 1`,
      timeoutMs,
    );
    try {
      // The extended protocol takes one statement only: nothing can follow after a semicolon.
      await this.run(`DECLARE storewatch_rows NO SCROLL CURSOR FOR ${text}`, timeoutMs, undefined, "extended");
      const found = await this.run(`FETCH ${rowsMax + 1} FROM storewatch_rows`, timeoutMs);
      return { ...found, rows: found.rows.slice(0, rowsMax), isCut: found.rows.length > rowsMax };
    } finally {
      if (this.isOpen) await this.run("ROLLBACK", timeoutMs);
    }
  }

  /** Ends the connection at once; whoever waits is rejected. */
  kill(reason: Error = new Error("the connection ended")): void {
    this.isEnded = true;
    this.socket.destroy(reason);
  }

  /** Takes leave of the server and does not wait for it. */
  end(): void {
    this.isEnded = true;
    this.client.end().catch(() => this.socket.destroy());
    this.socket.unref();
  }

  private async run(
    text: string,
    timeoutMs: number,
    values?: readonly (string | number)[],
    queryMode?: "extended",
  ): Promise<Rows> {
    const config: QueryConfig & { rowMode: "array"; query_timeout: number } = {
      text,
      values: values === undefined || values.length === 0 ? undefined : [...values],
      rowMode: "array",
      // The server's own limit comes first; this one is for a server that says nothing any more.
      query_timeout: timeoutMs + PROTOCOL_GRACE_MS,
      ...(queryMode === undefined ? {} : { queryMode }),
    };
    try {
      const { fields, rows } = await this.client.query(config);
      return {
        columns: (fields ?? []).map(({ name, dataTypeID }) => ({ name, typeId: dataTypeID })),
        rows: rows as unknown as readonly Row[],
      };
    } catch (error) {
      // After the limit here the answer may still come: into the next query.
      if (error instanceof Error && /timeout/i.test(error.message) && !("code" in error)) this.kill();
      throw error;
    }
  }
}

function tlsOptions({ section, url, resolve }: SessionOptions, mode: SslMode): ConnectionOptions {
  const { ca = url.sslRootCert, cert, key } = section.tls;
  const read = (name: string | undefined) => (name === undefined ? undefined : readFileSync(resolve(name)));
  const isChecked = mode === "verify-ca" || mode === "verify-full";
  return {
    ca: read(ca),
    cert: read(cert),
    key: read(key),
    rejectUnauthorized: isChecked,
    // verify-ca: from an authority that is trusted, whatever name it has.
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}
