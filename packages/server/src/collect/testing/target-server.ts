// A target in the test's own process: what it answers is set by the test.
import http, { type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export class TargetServer {
  readonly requests: IncomingMessage[] = [];
  page = "up_to_you 1\n";
  answer: Answer = (_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(this.page);
  };
  private server!: Server;

  static async start(tls?: https.ServerOptions): Promise<TargetServer> {
    const target = new TargetServer();
    const listener: RequestListener = (request, response) => {
      target.requests.push(request);
      target.answer(request, response);
    };
    target.server = tls ? https.createServer(tls, listener) : http.createServer(listener);
    await new Promise<void>((resolve) => target.server.listen(0, "127.0.0.1", resolve));
    return target;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
