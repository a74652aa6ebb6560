// A scrape target in this process: a page of text that the test changes as it goes.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Target {
  readonly address: string;
  /** The page that the next scrape gets. */
  page: string;
  /** Status of the reply. */
  status: number;
  readonly scrapes: number;
  close(): Promise<void>;
}

export async function startTarget(page: string, contentType = "text/plain; version=0.0.4"): Promise<Target> {
  let scrapes = 0;
  const target = {
    address: "",
    page,
    status: 200,
    get scrapes() {
      return scrapes;
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
  const server = createServer((_request, response) => {
    scrapes += 1;
    response.writeHead(target.status, { "content-type": contentType });
    response.end(target.page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  target.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return target;
}

/** A webhook receiver that keeps what it got. */
export interface Hook {
  readonly url: string;
  readonly received: Array<{ readonly atMs: number; readonly body: WebhookBody }>;
  close(): Promise<void>;
}

export interface WebhookBody {
  readonly status: "firing" | "resolved";
  readonly alerts: ReadonlyArray<{
    readonly status: string;
    readonly labels: Record<string, string>;
    readonly annotations: Record<string, string>;
  }>;
}

export async function startHook(): Promise<Hook> {
  const received: Array<{ atMs: number; body: WebhookBody }> = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ atMs: Date.now(), body: JSON.parse(Buffer.concat(chunks).toString()) as WebhookBody });
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    close: () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}
