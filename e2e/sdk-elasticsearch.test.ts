// The SDK's transport to Elasticsearch in processes of its own: memory in a long outage, the end of a process, TLS.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { findPeer, freePort, temporaryDir } from "@storewatch/testkit";
import { afterEach, expect, test } from "vitest";

interface Outcome {
  readonly code: number | null;
  readonly tookMs: number;
  readonly said: Record<string, unknown>;
}

interface How {
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function ship(mode: string, node: string, { nodeArgs = [], env = {} }: How = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [...nodeArgs, "e2e/log-shipper.mjs", mode, node], {
    cwd: path.resolve(import.meta.dirname, ".."),
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const fromMs = performance.now();
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      if (output === "") reject(new Error(`no result: ${errors}`));
      else resolve({ code, tookMs: performance.now() - fromMs, said: JSON.parse(output) as Outcome["said"] });
    });
  });
}

interface Stored {
  readonly index: string;
  readonly doc: Record<string, unknown>;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** Answers as Elasticsearch does, or not at all. */
async function elasticsearch(
  answers = true,
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<{ url: string; stored: Stored[] }> {
  const stored: Stored[] = [];
  const listener: RequestListener = async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    if (!answers) return;
    response.setHeader("x-elastic-product", "Elasticsearch");
    response.setHeader("content-type", "application/json");
    const rows = body.trimEnd().split("\n");
    const items: unknown[] = [];
    for (let at = 0; at < rows.length; at += 2) {
      const action = JSON.parse(rows[at] ?? "") as Record<string, { _index: string }>;
      const index = (action.create ?? action.index)?._index ?? "";
      stored.push({ index, doc: JSON.parse(rows[at + 1] ?? "") as Stored["doc"] });
      items.push({ [action.create ? "create" : "index"]: { status: 201 } });
    }
    response.end(JSON.stringify({ errors: false, items }));
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return { url: `http${tls === undefined ? "" : "s"}://127.0.0.1:${(server.address() as AddressInfo).port}`, stored };
}

test("200,000 lines while nobody listens: bounded memory, the end in time", async () => {
  const { code, said } = await ship("outage", `http://127.0.0.1:${await freePort()}`, { nodeArgs: ["--expose-gc"] });
  expect(code).toBe(0);
  expect(said).toMatchObject({ bufferedLines: 10_000, deliveredLines: 0 });
  // 10,000 lines of some 450 bytes, kept as text, and what the process itself needs.
  expect(said.grown).toBeGreaterThan(2_000_000);
  expect(said.grown).toBeLessThan(24_000_000);
  expect(said.droppedLines).toMatchObject({ full: 190_000, refused: 0 });
  expect(said.flushMs).toBeLessThan(1500);
  expect(said.slowestMs).toBeLessThan(500);
}, 60_000);

test("a process that is done ends, whether nobody listens or nobody answers", async () => {
  const refused = await ship("idle", `http://127.0.0.1:${await freePort()}`);
  expect(refused).toMatchObject({ code: 0, said: { bufferedLines: 1 } });
  const { url } = await elasticsearch(false);
  const silent = await ship("idle", url);
  expect(silent.code).toBe(0);
  // The time to start, and that of one request.
  expect(Math.max(refused.tookMs, silent.tookMs)).toBeLessThan(8000);
});

test("the end of the logger is the end of its lines; the kept connection holds nothing up", async () => {
  const { url, stored } = await elasticsearch();
  const { code, said, tookMs } = await ship("end", url);
  expect(code).toBe(0);
  expect(said).toMatchObject({ deliveredLines: 1500, bufferedLines: 0 });
  expect(stored.map(({ doc }) => doc.n)).toEqual(Array.from({ length: 1500 }, (_, n) => n));
  expect(new Set(stored.map(({ index }) => index)).size).toBe(1);
  expect(stored[0]?.index).toMatch(/^tenant-shop-1-logs-\d{4}\.\d\d\.\d\d$/);
  expect(tookMs).toBeLessThan(8000);
});

const openssl = findPeer("openssl");
test.skipIf(!openssl)("https: an authority of one's own is trusted when it is given, and not else", async () => {
  const dir = temporaryDir("sdk-elasticsearch-");
  const [key, cert] = [path.join(dir, "key.pem"), path.join(dir, "cert.pem")];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=search", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert];
  execFileSync(openssl ?? "", ["req", ...kind, ...names], { stdio: "ignore" });
  const { url, stored } = await elasticsearch(true, { key: readFileSync(key), cert: readFileSync(cert) });
  const stranger = await ship("outage", url, { env: { SHIP_LINES: "10" } });
  expect(stranger.said).toMatchObject({ deliveredLines: 0, bufferedLines: 10 });
  expect(stored).toEqual([]);
  const trusted = await ship("end", url, { env: { SHIP_CA: cert } });
  expect(trusted.said).toMatchObject({ deliveredLines: 1500 });
  expect(stored.length).toBe(1500);
});
