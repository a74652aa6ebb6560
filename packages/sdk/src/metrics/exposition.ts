// The text of /metrics, who may read it, and a listener of its own for it, so that it is not on the public router.
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Registry } from "prom-client";
import type { Guard } from "../guard.ts";

/** Who may read the metrics. Several may be given; each is enough. */
export interface MetricsAuth {
  readonly bearer?: string | readonly string[];
  readonly basic?: { readonly user: string; readonly password: string };
}

export interface MetricsListenOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default: loopback. */
  readonly host?: string;
  readonly path?: string;
  /** Required unless the listener is on loopback. */
  readonly auth?: MetricsAuth;
}

/** A metric that takes longer to read is left out of this scrape. */
const READ_MS = 3000;

/**
 * The exposition of a registry. A metric that cannot be read, or takes over 3 s, is left out with a line that says so: one
 * hanging database must not blind the rest.
 */
export async function expositionOf(registry: Registry, guard: Guard, readMs = READ_MS): Promise<string> {
  const metrics = registry.getMetricsAsArray();
  const isOpenMetrics = (registry.contentType as string) === Registry.OPENMETRICS_CONTENT_TYPE;
  const texts = await Promise.all(
    metrics.map(async ({ name }) => {
      try {
        const text = await withTimeLimit(registry.getSingleMetricAsString(name), readMs);
        return isOpenMetrics ? asOpenMetrics(name, text) : text;
      } catch (error) {
        guard.failed("metrics", error);
        // OpenMetrics knows no comments.
        return isOpenMetrics ? "" : `# metric ${name} could not be read`;
      }
    }),
  );
  if (isOpenMetrics) return `${[...texts.filter((text) => text !== ""), "# EOF"].join("\n")}\n`;
  return `${texts.join("\n\n")}\n`;
}

/** In OpenMetrics a counter's family has no `_total`; prom-client adds it to the samples, whether it is there or not. */
function asOpenMetrics(name: string, text: string): string {
  if (!name.endsWith("_total") || !text.includes(`# TYPE ${name} counter`)) return text;
  const family = name.slice(0, -"_total".length);
  return text
    .split("\n")
    .map((line) => {
      for (const word of ["# HELP ", "# TYPE "])
        if (line.startsWith(`${word}${name} `)) return `${word}${family}${line.slice(word.length + name.length)}`;
      return line.startsWith(`${name}_total`) ? `${name}${line.slice(`${name}_total`.length)}` : line;
    })
    .join("\n");
}

async function withTimeLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** True when the request carries one of the credentials. Compared in constant time. */
export function mayReadMetrics(auth: MetricsAuth, authorization: string | undefined): boolean {
  const match = /^(bearer|basic) +(.+)$/i.exec(authorization ?? "");
  if (match === null) return false;
  const [, scheme, given] = match;
  if (scheme!.toLowerCase() === "bearer") {
    const tokens = typeof auth.bearer === "string" ? [auth.bearer] : (auth.bearer ?? []);
    // All are compared, so that the time tells nothing about which.
    return tokens.map((token) => token !== "" && same(token, given!)).some(Boolean);
  }
  if (auth.basic === undefined || auth.basic.password === "") return false;
  return same(`${auth.basic.user}:${auth.basic.password}`, Buffer.from(given!, "base64").toString("utf8"));
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void;

export function metricsHandler(registry: Registry, guard: Guard, auth: MetricsAuth | undefined): NodeHandler {
  return (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    if (auth !== undefined && !mayReadMetrics(auth, request.headers.authorization)) {
      const challenge = auth.basic === undefined ? "Bearer" : 'Basic realm="metrics"';
      response.writeHead(401, { "www-authenticate": challenge, "content-type": "text/plain" }).end("unauthorized\n");
      return;
    }
    expositionOf(registry, guard).then(
      (text) => {
        response.writeHead(200, { "content-type": registry.contentType, "cache-control": "no-store" });
        response.end(request.method === "HEAD" ? undefined : text);
      },
      (error: unknown) => {
        guard.failed("metrics", error);
        response.writeHead(500, { "content-type": "text/plain" }).end("the metrics could not be read\n");
      },
    );
  };
}

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

/** Starts a server that answers nothing but the metrics. Rejects when the port is taken or nobody would be asked who he is. */
export async function listenForScrapes(
  options: MetricsListenOptions,
  handlerOf: (auth: MetricsAuth | undefined) => NodeHandler,
): Promise<Server> {
  const { port, host = "127.0.0.1", path = "/metrics", auth } = options;
  if (auth === undefined && !LOOPBACK.has(host))
    throw new Error(`metrics on ${host}:${port} need auth: { bearer } or { basic }; without it they stay on loopback`);
  const handle = handlerOf(auth);
  const server = createServer((request, response) => {
    const target = (request.url ?? "").split("?", 1)[0];
    if (target === path) handle(request, response);
    else response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  // A service that is done must not be kept alive by its metrics.
  server.unref();
  return server;
}
