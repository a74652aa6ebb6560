// The one client for outgoing HTTP. The address that a name resolves to is checked in the connection's own lookup, so the
// address checked is the address connected to: a second answer of the DNS cannot slip in between.
import { type LookupAddress, lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import type { Dispatcher } from "undici";
import { type AddressRules, createAddressRules, type UrlOrigin } from "./address-rules.ts";

export type SafeHttpFailure =
  | "bad-url"
  | "address"
  | "dns"
  | "connect"
  | "tls"
  | "timeout"
  | "aborted"
  | "body-limit"
  | "redirects"
  | "protocol";

/** A request got no usable answer. An answer with any status, 500 too, is not an error here. */
export class SafeHttpError extends Error {
  constructor(
    readonly failure: SafeHttpFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** PEM texts, not file names. */
export interface SafeHttpTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  /** Takes any certificate. */
  readonly insecureSkipVerify?: boolean;
  readonly minVersion?: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  readonly maxVersion?: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
}

/** A forward proxy: https through a tunnel, http by absolute requests. */
export interface SafeHttpProxy {
  /** http or https; with user and password where it wants them. */
  readonly url: string;
  /** Only for the proxy. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SafeHttpRequest {
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For the whole exchange, redirects included. Default 10 s. */
  readonly timeoutMs?: number;
  /** Of the answer, as it comes over the wire. Default 10 MiB; beyond it the request fails. */
  readonly bodyLimitBytes?: number;
  readonly origin: UrlOrigin;
  readonly tls?: SafeHttpTls;
  /** For the operator's URLs only: names are resolved by the proxy, so that what they resolve to is not checked here. */
  readonly proxy?: SafeHttpProxy;
  readonly basicAuth?: { readonly user: string; readonly password: string };
  /** Default false: a 3xx is an answer like any other. Each hop is checked like a first request; at most 10. */
  readonly followRedirects?: boolean;
  readonly signal?: AbortSignal;
  /** Takes the body of a 200 in parts as they come; `bodyLimitBytes` then limits nothing and `body` is empty. */
  readonly onPart?: (part: Buffer) => void;
}

export interface SafeHttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As it came: a content-encoding is the caller's to undo, with its own limit. */
  readonly body: Buffer;
  /** Of the last hop. */
  readonly url: string;
}

export interface SafeHttp {
  /** Throws SafeHttpError. */
  request(request: SafeHttpRequest): Promise<SafeHttpResponse>;
  /** Ends idle connections, aborts the others. */
  close(): Promise<void>;
}

export interface SafeHttpOptions {
  /** CIDR ranges that user URLs may reach besides public addresses. */
  readonly allow?: readonly string[];
  /** Resolves a name to all its addresses; tests put their own here. */
  readonly lookup?: (host: string) => Promise<readonly LookupAddress[]>;
}

const TIMEOUT_MS = 10_000;
const BODY_LIMIT_BYTES = 10 * 1024 * 1024;
const REDIRECTS_MAX = 10;
const AGENTS_MAX = 64;
/** Longer than common scrape intervals, so that a scrape finds its connection again. */
const KEEP_ALIVE_MS = 90_000;

export function createSafeHttp(options: SafeHttpOptions = {}): SafeHttp {
  const rules = createAddressRules(options.allow);
  const lookup = options.lookup ?? lookupAll;
  const agents = new Map<string, Dispatcher>();
  const agentFor: AgentFor = async ({ origin, tls, proxy }) => {
    // At the first request: a process that asks nobody does without its 1.1 MB of code, 60 ms and 7 MB.
    const undici = await import("undici");
    if (proxy && origin !== "operator") throw new SafeHttpError("bad-url", "only URLs of the operator go by a proxy");
    if (proxy) checkUrl(parseUrl(proxy.url, undefined), origin, rules);
    const key = JSON.stringify([origin, tls ?? null, proxy ?? null]);
    const agent = agents.get(key) ?? createAgent(undici, checkedLookup(rules, lookup, origin), tls, proxy);
    agents.delete(key);
    agents.set(key, agent);
    if (agents.size > AGENTS_MAX) retireOldest(agents);
    return agent;
  };
  return {
    request: (request) => withDeadline(request, (signal) => follow(request, signal, rules, agentFor)),
    async close() {
      const all = [...agents.values()];
      agents.clear();
      await Promise.all(all.map((agent) => agent.destroy()));
    },
  };
}

function retireOldest(agents: Map<string, Dispatcher>): void {
  const [key, agent] = agents.entries().next().value as [string, Dispatcher];
  agents.delete(key);
  // Lets running requests end; nothing waits for it.
  agent.close().catch(() => {});
}

async function withDeadline(
  request: SafeHttpRequest,
  run: (signal: AbortSignal) => Promise<SafeHttpResponse>,
): Promise<SafeHttpResponse> {
  const timeoutMs = request.timeoutMs ?? TIMEOUT_MS;
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new SafeHttpError("timeout", `no complete answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const abort = () => controller.abort(new SafeHttpError("aborted", "the request was called off"));
  if (request.signal?.aborted) abort();
  request.signal?.addEventListener("abort", abort, { once: true });
  try {
    controller.signal.throwIfAborted();
    return await run(controller.signal);
  } catch (error) {
    // Whatever broke because of the abort, the abort's own reason is what the caller needs to hear.
    throw controller.signal.aborted ? controller.signal.reason : asSafeHttpError(error);
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener("abort", abort);
  }
}

type AgentFor = (request: Pick<SafeHttpRequest, "origin" | "tls" | "proxy">) => Promise<Dispatcher>;

interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | undefined;
}

async function follow(
  request: SafeHttpRequest,
  signal: AbortSignal,
  rules: AddressRules,
  agentFor: AgentFor,
): Promise<SafeHttpResponse> {
  let hop = firstHop(request);
  for (let redirects = 0; ; redirects++) {
    checkUrl(hop.url, request.origin, rules);
    const response = await exchange(hop, request, await agentFor(request), signal);
    const location = response.headers.location;
    if (!request.followRedirects || typeof location !== "string" || !isRedirect(response.status)) return response;
    if (redirects >= REDIRECTS_MAX) throw new SafeHttpError("redirects", `stopped after ${REDIRECTS_MAX} redirects`);
    hop = nextHop(hop, response.status, location);
  }
}

function firstHop(request: SafeHttpRequest): Hop {
  const url = parseUrl(request.url, undefined);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  const inUrl = url.username || url.password;
  const basic =
    request.basicAuth ??
    (inUrl ? { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) } : undefined);
  if (basic && headers.authorization === undefined) {
    headers.authorization = `Basic ${Buffer.from(`${basic.user}:${basic.password}`).toString("base64")}`;
  }
  url.username = "";
  url.password = "";
  return { url, method: (request.method ?? "GET").toUpperCase(), headers, body: request.body };
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** As Go's client does it: 301, 302 and 303 turn into GET without body; credentials stay with their host. */
function nextHop(hop: Hop, status: number, location: string): Hop {
  const url = parseUrl(location, hop.url);
  url.username = "";
  url.password = "";
  const headers = { ...hop.headers };
  if (url.origin !== hop.url.origin) {
    for (const name of ["authorization", "cookie", "proxy-authorization", "www-authenticate"]) delete headers[name];
  }
  const keeps = status === 307 || status === 308 || hop.method === "GET" || hop.method === "HEAD";
  if (keeps) return { url, method: hop.method, headers, body: hop.body };
  delete headers["content-type"];
  delete headers["content-length"];
  return { url, method: "GET", headers, body: undefined };
}

function parseUrl(text: string, from: URL | undefined): URL {
  try {
    return new URL(text, from);
  } catch {
    throw new SafeHttpError("bad-url", "the URL cannot be read");
  }
}

/** Connections to a literal address do no lookup, so those are checked here. */
function checkUrl(url: URL, origin: UrlOrigin, rules: AddressRules): void {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new SafeHttpError("bad-url", `only http and https URLs can be asked, not ${url.protocol}`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const reason = isIP(host) ? rules.refusal(host, origin) : undefined;
  if (reason) throw new SafeHttpError("address", `connection refused by policy: ${reason}`);
}

async function exchange(
  hop: Hop,
  request: SafeHttpRequest,
  agent: Dispatcher,
  signal: AbortSignal,
): Promise<SafeHttpResponse> {
  const send = () =>
    agent.request({
      origin: hop.url.origin,
      path: hop.url.pathname + hop.url.search,
      method: hop.method as Dispatcher.HttpMethod,
      headers: hop.headers,
      body: hop.body,
      signal,
    });
  let answer: Dispatcher.ResponseData;
  try {
    answer = await send();
  } catch (error) {
    // A server may close a kept connection in the moment we use it again. Asking anew is safe where nothing changes.
    if (!isClosedBeforeAnswer(error) || (hop.method !== "GET" && hop.method !== "HEAD") || signal.aborted) throw error;
    answer = await send();
  }
  const limit = request.bodyLimitBytes ?? BODY_LIMIT_BYTES;
  const parts: Buffer[] = [];
  let size = 0;
  const { onPart } = request;
  for await (const part of answer.body) {
    if (onPart && answer.statusCode === 200) {
      onPart(part as Buffer);
      continue;
    }
    size += (part as Buffer).length;
    // Leaving the loop destroys the stream and with it the connection.
    if (size > limit) throw new SafeHttpError("body-limit", `the answer is larger than ${limit} bytes`);
    parts.push(part as Buffer);
  }
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts, size), url: hop.url.href };
}

function isClosedBeforeAnswer(error: unknown): boolean {
  const code = codeOf(error);
  return code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE";
}

function createAgent(
  undici: typeof import("undici"),
  lookup: LookupFunction,
  tls: SafeHttpTls | undefined,
  proxy: SafeHttpProxy | undefined,
): Dispatcher {
  const own = tlsOptions(tls);
  // The deadline of the request is the only clock: undici's own limits for headers and body are off.
  const limits = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS, pipelining: 1 };
  if (!proxy)
    return new undici.Agent({ connect: undici.buildConnector({ timeout: 30_000, lookup, ...own }), ...limits });
  return new undici.ProxyAgent({
    ...limits,
    uri: proxy.url,
    headers: { ...proxy.headers },
    proxyTunnel: false,
    proxyTls: { timeout: 30_000, lookup },
    requestTls: own,
  });
}

function tlsOptions(tls: SafeHttpTls | undefined) {
  return {
    ...(tls?.ca !== undefined && { ca: tls.ca }),
    ...(tls?.cert !== undefined && { cert: tls.cert }),
    ...(tls?.key !== undefined && { key: tls.key }),
    ...(tls?.serverName !== undefined && { servername: tls.serverName }),
    ...(tls?.minVersion !== undefined && { minVersion: tls.minVersion }),
    ...(tls?.maxVersion !== undefined && { maxVersion: tls.maxVersion }),
    rejectUnauthorized: !tls?.insecureSkipVerify,
  };
}

function checkedLookup(
  rules: AddressRules,
  lookup: NonNullable<SafeHttpOptions["lookup"]>,
  origin: UrlOrigin,
): LookupFunction {
  return (host, options, callback) => {
    lookup(host).then(
      (found) => {
        const family = options.family === 4 || options.family === 6 ? options.family : 0;
        const usable = found.filter((a) => (family === 0 || a.family === family) && !rules.refusal(a.address, origin));
        if (usable.length === 0) {
          const reason = found.map((a) => rules.refusal(a.address, origin)).find(Boolean) ?? `${host} has no address`;
          callback(new SafeHttpError("address", `connection refused by policy: ${reason}`), "", 0);
        } else if (options.all) {
          callback(null, [...usable]);
        } else {
          callback(null, usable[0].address, usable[0].family);
        }
      },
      (error) => callback(error instanceof Error ? error : new Error(String(error)), "", 0),
    );
  };
}

function lookupAll(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, found) => (error ? reject(error) : resolve(found)));
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** The words that users see for a failed scrape or delivery, close to those of the peers. */
function asSafeHttpError(error: unknown): SafeHttpError {
  if (error instanceof SafeHttpError) return error;
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  if (inner instanceof SafeHttpError) return inner;
  const code = codeOf(inner);
  const message = inner instanceof Error ? inner.message : String(inner);
  const fail = (failure: SafeHttpFailure, text: string) => new SafeHttpError(failure, text, { cause: error });
  if (code === "ENOTFOUND" || code.startsWith("EAI_")) return fail("dns", `no such host (${message})`);
  if (code === "ECONNREFUSED") return fail("connect", `connection refused (${message})`);
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT") return fail("timeout", "no connection in time");
  if (code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || /CERT|SIGNATURE|ISSUER/.test(code)) {
    return fail("tls", `TLS: ${message}`);
  }
  if (code.startsWith("HPE_") || code.startsWith("UND_ERR_HEADERS")) return fail("protocol", `not HTTP: ${message}`);
  if (code === "UND_ERR_INVALID_ARG") return fail("bad-url", message);
  return fail("connect", message);
}
