// A service in a process of its own with its instrument file, and a local receiver for what it sends.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { waitUntil } from "@storewatch/testkit";

const FOLDER = path.join(import.meta.dirname, "traced-shop");
/** Stands for customers' data and passwords: nothing that leaves may contain it. */
export const SECRET = "s3cr3t-9f2c";
export const DSN_KEY = "a".repeat(32);

export interface Item {
  readonly type: string;
  readonly payload: Record<string, unknown>;
}

export interface Receiver {
  readonly port: number;
  /** Raw bodies in the order of arrival. */
  readonly bodies: string[];
  /** What the payment provider was asked with. */
  readonly asked: IncomingMessage["headers"][];
  /** Answers what is sent from now on; default: 200. */
  behave(how: (request: IncomingMessage, response: ServerResponse) => void): void;
  items(type: string): Record<string, unknown>[];
  close(): Promise<void>;
}

/** Takes Sentry envelopes and OTLP; `/pay` is the payment provider. */
export async function startReceiver(): Promise<Receiver> {
  const bodies: string[] = [];
  const asked: IncomingMessage["headers"][] = [];
  let answer: Parameters<Receiver["behave"]>[0] = (_request, response) => void response.end("{}");
  const server: Server = createServer((request, response) => {
    if (request.url?.startsWith("/pay")) {
      asked.push(request.headers);
      response.end('{"paid":true}');
      return;
    }
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("error", () => undefined);
    request.on("end", () => {
      const body = Buffer.concat(parts);
      bodies.push((request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString());
      answer(request, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    bodies,
    asked,
    behave: (how) => {
      answer = how;
    },
    items: (type) => bodies.flatMap(itemsOf).flatMap((item) => (item.type === type ? [item.payload] : [])),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The items of an envelope of this client, whose payloads are lines. */
export function itemsOf(envelope: string): Item[] {
  const lines = envelope.split("\n").slice(1);
  const items: Item[] = [];
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const { type } = JSON.parse(lines[at]!) as { type: string };
    items.push({ type, payload: JSON.parse(lines[at + 1]!) as Record<string, unknown> });
  }
  return items;
}

export interface Service {
  readonly url: string;
  output(): string;
  /** SIGTERM; how long it took to end, and the exit code. */
  stop(): Promise<{ ms: number; code: number | null }>;
}

export async function startService(
  file: string,
  env: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<Service> {
  const child: ChildProcess = spawn(process.execPath, [...flags, path.join(FOLDER, file)], {
    cwd: FOLDER,
    env: { PATH: process.env.PATH, SHOP_SECRET: SECRET, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const read = (part: Buffer) => {
    output += part.toString();
  };
  child.stdout?.on("data", read);
  child.stderr?.on("data", read);
  const port = () => /^port (\d+)$/m.exec(output)?.[1];
  await waitUntil(
    () => port() !== undefined || child.exitCode !== null,
    30_000,
    () => `no port: ${output}`,
  );
  if (port() === undefined) throw new Error(output);
  return {
    url: `http://127.0.0.1:${port()}`,
    output: () => output,
    async stop() {
      const startMs = performance.now();
      if (child.exitCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      return { ms: performance.now() - startMs, code: child.exitCode };
    },
  };
}

export const instrumented = (name: "sentry" | "otel"): string[] => ["--import", path.join(FOLDER, `${name}.mjs`)];
