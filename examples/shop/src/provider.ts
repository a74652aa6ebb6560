// A payment provider: its own server on its own port, with the manners of the real thing (latency, declines, outages).
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ProviderOptions {
  readonly name: string;
  readonly random: () => number;
  /** Share of charges that are declined. */
  readonly declineShare: number;
  readonly latencyMs: { readonly min: number; readonly max: number };
}

const BODY_BYTES_MAX = 10_000;
/** Charges are idempotent by order for as long as it stays among the last of this many. */
const REMEMBERED_MAX = 10_000;

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
}

export class PaymentProvider {
  private server: Server;
  private port = 0;
  private readonly cutOff = new Set<string>();
  private readonly replies = new Map<string, Reply>();

  constructor(private readonly options: ProviderOptions) {
    this.server = this.makeServer();
  }

  /** Listens on the loopback address; port 0 takes a free one. Returns the port. */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, "127.0.0.1", () => {
        this.server.off("error", reject);
        resolve();
      });
    });
    this.port = (this.server.address() as AddressInfo).port;
    return this.port;
  }

  /** For one merchant: cuts its connections off. For all: stops listening, so that connections are refused. */
  async setDown(merchant: string | null, down: boolean): Promise<void> {
    if (merchant !== null) {
      if (down) this.cutOff.add(merchant);
      else this.cutOff.delete(merchant);
      return;
    }
    if (!down) this.cutOff.clear();
    if (down && this.server.listening) await this.close();
    else if (!down && !this.server.listening) {
      this.server = this.makeServer();
      await this.listen(this.port);
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private makeServer(): Server {
    return createServer((request, response) => {
      if (request.method !== "POST" || request.url !== "/charge") return void response.writeHead(404).end();
      readBody(request)
        .then((body) => this.charge(body, request, response))
        .catch(() => response.destroy());
    });
  }

  private async charge(body: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { merchant, orderId, amount } = JSON.parse(body) as { merchant: string; orderId: string; amount: number };
    if (this.cutOff.has(merchant)) return void request.socket.destroy();
    const { min, max } = this.options.latencyMs;
    await new Promise((resolve) => setTimeout(resolve, min + this.options.random() * (max - min)));
    const reply = this.replies.get(orderId) ?? this.decide(orderId, amount);
    // A declined customer may try again; an approved charge stays approved.
    if (reply.status === 200) this.remember(orderId, reply);
    const text = JSON.stringify(reply.body);
    response.writeHead(reply.status, { "content-type": "application/json" }).end(text);
  }

  private decide(orderId: string, amount: number): Reply {
    if (!(amount > 0)) return { status: 400, body: { reason: "amount must be above 0" } };
    if (this.options.random() < this.options.declineShare)
      return { status: 402, body: { reason: "insufficient funds" } };
    const reference = createHash("sha256").update(`${this.options.name} ${orderId}`).digest("hex").slice(0, 16);
    return { status: 200, body: { reference } };
  }

  private remember(orderId: string, reply: Reply): void {
    this.replies.set(orderId, reply);
    if (this.replies.size > REMEMBERED_MAX)
      for (const oldest of this.replies.keys()) return void this.replies.delete(oldest);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > BODY_BYTES_MAX) throw new Error("too large");
  }
  return text;
}
