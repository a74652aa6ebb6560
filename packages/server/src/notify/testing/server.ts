// Tests only: an HTTP server that behaves and misbehaves.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly hang?: boolean;
}

export interface FakeServer {
  readonly url: string;
  readonly received: ReceivedRequest[];
  /** What to answer next; the last one stays. */
  answers: Answer[];
  close(): void;
}

export async function startFakeServer(): Promise<FakeServer> {
  const received: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      received.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers, body });
      const answer = fake.answers.length > 1 ? fake.answers.shift() : fake.answers[0];
      if (answer?.hang) return;
      response.writeHead(answer?.status ?? 200, answer?.headers).end(answer?.body ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fake: FakeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answers: [],
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return fake;
}
