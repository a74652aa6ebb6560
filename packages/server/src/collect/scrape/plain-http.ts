// GET over a plain kept connection, read by ourselves into the page: 25 ns a sample, where http.get costs 120. Every byte
// goes through one shared buffer, so that a scrape leaves the garbage collector nothing; with http.get its work showed up
// again in page faults and helper threads.
//
// Only HTTP/1.1 with a length or chunks (response-reader.ts). TLS, redirects and anything odd are for the general client.
import { connect, type LookupFunction, type Socket } from "node:net";
import type { Clock } from "@storewatch/model";
import type { Deadline } from "./deadline.ts";
import { describeSocketError, FetchError } from "./fetch-error.ts";
import type { PageBuffer } from "./page-buffer.ts";
import { type ResponseHead, ResponseReader } from "./response-reader.ts";

/** One read of the kernel's; loopback and fast networks fill it. */
const READ_BYTES = 64 * 1024;
/** A kept connection that nobody used for this long is closed, as the peers do: its target may be gone. */
const IDLE_MS_MAX = 5 * 60_000;
const SWEEP_EVERY_MS = 60_000;

export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>;

export interface PlainRequest {
  readonly url: URL;
  readonly headers: RequestHeaders;
  readonly limitBytes: number;
  readonly deadline: Deadline;
  /** Where the body goes. What it throws fails the request. */
  readonly open: (head: ResponseHead) => PageBuffer;
}

/** Headers that frame the exchange: with one of them in the configuration the general client speaks. */
const FRAMING = /^(host|connection|content-length|transfer-encoding|expect|upgrade|te|trailer|keep-alive|proxy-.*)$/i;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether a request can go this way at all. */
export function isPlain(url: URL, headers: RequestHeaders): boolean {
  if (url.protocol !== "http:") return false;
  return Object.entries(headers).every(
    ([name, value]) => NAME.test(name) && !FRAMING.test(name) && [value].flat().every((each) => VALUE.test(each)),
  );
}

export class PlainHttp {
  private readonly idle = new Map<string, Connection[]>();
  private readonly open = new Set<Connection>();
  private readonly buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  private isRetired = false;
  private sweptMs = 0;

  constructor(
    private readonly lookup: LookupFunction,
    private readonly clock: Clock,
  ) {}

  /** Resolves when the body is complete. Throws FetchError, UnusualResponse, and what `open` and its page throw. */
  async get(request: PlainRequest): Promise<void> {
    const reused = this.takeIdle(request.url.host);
    if (reused && !(await this.run(reused, request))) return;
    await this.run(this.connect(request.url), request);
  }

  /** No connection is kept any more; what is under way still comes. */
  retire(): void {
    this.isRetired = true;
    for (const connection of [...this.idle.values()].flat()) connection.destroy();
    this.idle.clear();
  }

  close(): void {
    this.retire();
    for (const connection of this.open) connection.destroy();
  }

  /** True when the kept connection turned out to have ended, so that the request must go out anew. */
  private async run(connection: Connection, request: PlainRequest): Promise<boolean> {
    const outcome = await connection.exchange(request);
    if (outcome === "keep" && !this.isRetired) this.keep(request.url.host, connection);
    else connection.destroy();
    return outcome === "stale";
  }

  private connect(url: URL): Connection {
    // One buffer serves all: each read is dealt with before the next one starts. Windows reads in the background.
    const buffer = process.platform === "win32" ? Buffer.allocUnsafeSlow(READ_BYTES) : this.buffer;
    const connection = new Connection(url, this.lookup, buffer, () => {
      this.open.delete(connection);
      this.forget(url.host, connection);
    });
    this.open.add(connection);
    return connection;
  }

  private takeIdle(host: string): Connection | undefined {
    const list = this.idle.get(host);
    for (;;) {
      // The one used last: the others may then grow old and end.
      const connection = list?.pop();
      if (connection === undefined || connection.isUsable) return connection;
    }
  }

  private keep(host: string, connection: Connection): void {
    connection.idleSinceMs = this.clock.monotonicMs();
    this.sweep(connection.idleSinceMs);
    const list = this.idle.get(host);
    if (list) list.push(connection);
    else this.idle.set(host, [connection]);
  }

  private sweep(nowMs: number): void {
    if (nowMs - this.sweptMs < SWEEP_EVERY_MS) return;
    this.sweptMs = nowMs;
    for (const connection of [...this.idle.values()].flat()) {
      if (nowMs - connection.idleSinceMs > IDLE_MS_MAX) connection.destroy();
    }
  }

  private forget(host: string, connection: Connection): void {
    const left = this.idle.get(host)?.filter((each) => each !== connection);
    if (left?.length) this.idle.set(host, left);
    else this.idle.delete(host);
  }
}

type Outcome = "keep" | "end" | "stale";

interface Exchange {
  readonly reader: ResponseReader;
  readonly settle: (result: Outcome | Error) => void;
  /** A byte of the answer has come. */
  hasBegun: boolean;
}

class Connection {
  /** Monotonic time. */
  idleSinceMs = 0;
  private readonly socket: Socket;
  private current: Exchange | undefined;
  private isReused = false;

  constructor(url: URL, lookup: LookupFunction, buffer: Buffer, onClose: () => void) {
    this.socket = connect({
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port || 80),
      lookup,
      noDelay: true,
      onread: {
        buffer,
        callback: (size, bytes) => {
          this.read(bytes as Buffer, size);
          return true;
        },
      },
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.fail(error));
    this.socket.on("end", () => this.ended());
    this.socket.on("close", () => {
      this.ended();
      onClose();
    });
  }

  get isUsable(): boolean {
    return this.socket.writable && !this.socket.destroyed;
  }

  destroy(): void {
    this.socket.destroy();
    this.ended();
  }

  exchange({ url, headers, limitBytes, deadline, open }: PlainRequest): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const settle = (result: Outcome | Error) => {
        this.current = undefined;
        this.isReused = true;
        // A kept connection must not keep the process alive.
        this.socket.unref();
        if (result instanceof Error) {
          this.socket.destroy();
          reject(result);
        } else resolve(result);
      };
      this.current = { reader: new ResponseReader(open, limitBytes), settle, hasBegun: false };
      this.socket.ref();
      deadline.watch((error) => this.current?.settle(error));
      // The deadline may have passed already.
      if (this.current) this.socket.write(requestText(url, headers), "latin1");
    });
  }

  private read(bytes: Buffer, size: number): void {
    const { current } = this;
    if (!current) {
      // A server that speaks unasked.
      this.socket.destroy();
      return;
    }
    current.hasBegun = true;
    try {
      if (current.reader.take(bytes, size)) current.settle(current.reader.keepsAlive ? "keep" : "end");
    } catch (error) {
      current.settle(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private ended(): void {
    const { current } = this;
    if (!current) {
      this.socket.destroy();
      return;
    }
    if (this.isReused && !current.hasBegun) current.settle("stale");
    else current.settle(new FetchError("the connection ended before the page did"));
  }

  private fail(error: NodeJS.ErrnoException): void {
    const { current } = this;
    if (!current) return;
    const isStale = this.isReused && !current.hasBegun && (error.code === "ECONNRESET" || error.code === "EPIPE");
    if (isStale) current.settle("stale");
    else current.settle(error instanceof FetchError ? error : new FetchError(describeSocketError(error)));
  }
}

function requestText(url: URL, headers: RequestHeaders): string {
  let text = `GET ${url.pathname}${url.search} HTTP/1.1\r\n`;
  for (const [name, values] of Object.entries(headers)) {
    for (const value of [values].flat()) text += `${name}: ${value}\r\n`;
  }
  return `${text}host: ${url.host}\r\nconnection: keep-alive\r\n\r\n`;
}
