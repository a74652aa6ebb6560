// One connection to Redis: requests in order, each reply to its request, gone with the first thing that is wrong.
import net from "node:net";
import tls from "node:tls";
import { encodeRequest, RedisError, type RedisReply, ReplyParser } from "./resp.ts";

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  /** Unix socket, in place of host and port. */
  readonly path: string | undefined;
  readonly tls: tls.ConnectionOptions | undefined;
}

interface Waiting {
  resolve(reply: RedisReply): void;
  reject(error: Error): void;
}

export class RedisConnection {
  private readonly waiting: Waiting[] = [];
  private readonly parser = new ReplyParser();
  private ended: Error | undefined;

  private constructor(private readonly socket: net.Socket) {
    socket.on("data", (piece) => this.take(piece));
    socket.on("error", (error) => this.end(error));
    socket.on("close", () => this.end(new Error("the server closed the connection")));
  }

  /** Connects, with TLS where it is asked for. `signal` ends the attempt. */
  static async open(address: RedisAddress, signal: AbortSignal): Promise<RedisConnection> {
    signal.throwIfAborted();
    const { host, port, path, tls: secure } = address;
    const place = path === undefined ? { host, port } : { path };
    const socket = secure ? tls.connect({ ...place, ...secure }) : net.connect(place);
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        socket.destroy();
        reject(signal.reason);
      };
      signal.addEventListener("abort", stop, { once: true });
      socket.once(secure ? "secureConnect" : "connect", () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      socket.once("error", (error) => {
        signal.removeEventListener("abort", stop);
        reject(error);
      });
    });
    return new RedisConnection(socket);
  }

  get isOpen(): boolean {
    return this.ended === undefined;
  }

  /** The reply; an error reply is a value, so that the requests after it go on. Rejects when the connection ends. */
  ask(...parts: string[]): Promise<RedisReply> {
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.socket.write(encodeRequest(parts));
    });
  }

  /** Like `ask`, and rejects with what the server refused. */
  async must(...parts: string[]): Promise<RedisReply> {
    const reply = await this.ask(...parts);
    if (reply instanceof RedisError) throw reply;
    return reply;
  }

  /** Ends it at once; whoever waits gets `reason`. */
  end(reason: Error): void {
    if (this.ended) return;
    this.ended = reason;
    this.socket.destroy();
    for (const { reject } of this.waiting.splice(0)) reject(reason);
  }

  private take(piece: Buffer): void {
    try {
      for (const reply of this.parser.push(piece)) {
        const next = this.waiting.shift();
        if (!next) throw new Error("a reply to no request");
        next.resolve(reply);
      }
    } catch (error) {
      this.end(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
