// The page over HTTP(S): /metrics behind the credentials, /-/healthy open, nothing else.
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { createSecureContext } from "node:tls";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { formatListenAddress } from "../config/listen-address.ts";
import { StorewatchError } from "../kernel/errors.ts";
import type { AgentConfig } from "./config.ts";
import { TEXT_CONTENT_TYPE } from "./exposition.ts";

export interface PageSource {
  /** `collect` narrows to these collectors or modules; undefined when one of them is not known. */
  page(collect: readonly string[]): Promise<string | undefined>;
}

export interface Listener {
  readonly url: string;
  close(): Promise<void>;
}

/** Whoever reads slower than this is cut off, ms. */
const REQUEST_MS_MAX = 60_000;
/** Below this size compression costs more than it saves. */
const GZIP_BYTES_MIN = 1024;
const compress = promisify(gzip);

/** Throws PORT_TAKEN, LISTEN_FAILED or TLS_FILES. `current` is asked for each request: a reload may change both. */
export async function listen(
  config: Pick<AgentConfig, "listen" | "tls">,
  current: () => { readonly source: PageSource; readonly credentials: AgentConfig["credentials"] },
): Promise<Listener> {
  const handle: http.RequestListener = (request, response) => {
    answer(request, response, current()).catch(() => {
      if (response.headersSent) response.destroy();
      else send(response, 500, "internal error\n");
    });
  };
  const server = config.tls ? https.createServer(readTls(config.tls), handle) : http.createServer(handle);
  server.requestTimeout = REQUEST_MS_MAX;
  const { host, port } = config.listen;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const address = formatListenAddress(config.listen);
      if (error.code === "EADDRINUSE") reject(new StorewatchError("PORT_TAKEN", { address }));
      else reject(new StorewatchError("LISTEN_FAILED", { address, reason: error.message }, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const bound = { host, port: (server.address() as AddressInfo).port };
  return {
    url: `${config.tls ? "https" : "http"}://${formatListenAddress(bound)}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function readTls({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }): https.ServerOptions {
  try {
    const options: https.ServerOptions = {
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      minVersion: "TLSv1.2",
    };
    // Throws when they are no PEM or do not belong together.
    createSecureContext(options);
    return options;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorewatchError("TLS_FILES", { reason: `${reason} (${certFile}, ${keyFile})` }, { cause: error });
  }
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { source, credentials }: { readonly source: PageSource; readonly credentials: AgentConfig["credentials"] },
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://agent");
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "only GET\n", { allow: "GET" });
  if (pathname === "/-/healthy") return send(response, 200, "ok\n");
  if (pathname === "/") return send(response, 200, "Storewatch agent: the metrics are at /metrics\n");
  if (pathname !== "/metrics") return send(response, 404, "not found: the metrics are at /metrics\n");
  if (!isAllowed(request.headers.authorization, credentials)) {
    const scheme = credentials.basic ? 'Basic realm="storewatch agent"' : "Bearer";
    return send(response, 401, "this needs a credential\n", { "www-authenticate": scheme });
  }
  const page = await source.page(searchParams.getAll("collect[]"));
  if (page === undefined) return send(response, 400, "collect[] names a collector that is not known or not on\n");
  const headers = { "content-type": TEXT_CONTENT_TYPE, vary: "accept-encoding" };
  if (page.length < GZIP_BYTES_MIN || !/\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))) {
    return send(response, 200, page, headers);
  }
  send(response, 200, await compress(page, { level: 1 }), { ...headers, "content-encoding": "gzip" });
}

function send(
  response: http.ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

function isAllowed(header: string | undefined, { bearerToken, basic }: AgentConfig["credentials"]): boolean {
  if (bearerToken === undefined && basic === undefined) return true;
  const match = /^(bearer|basic) +(\S+)$/i.exec(header ?? "");
  if (!match) return false;
  const [, scheme, given] = match;
  if (scheme.toLowerCase() === "bearer") return bearerToken !== undefined && isSame(given, bearerToken);
  const pair = Buffer.from(given, "base64").toString("utf8");
  return basic !== undefined && isSame(pair, `${basic.username}:${basic.password}`);
}

/** Takes the same time wherever they differ. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
