// Getting a page over HTTP(S) into a reused buffer, within the job's limits.
import { lookup as systemLookup } from "node:dns";
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { gunzip } from "node:zlib";
import type { Clock } from "@storewatch/model";
import type { AddressRules } from "../../kernel/address-rules.ts";
import type { ConfiguredHttp } from "../http/configured-http.ts";
import type { HttpClientConfig } from "../prometheus-config.ts";
import { acceptHeader, formatOf, type Negotiation, type PageFormat } from "./content.ts";
import { tlsOptions, tlsStamp } from "./credentials.ts";
import { Deadline } from "./deadline.ts";
import { describeSocketError, FetchError } from "./fetch-error.ts";
import { BodyLimitError, PageBuffer } from "./page-buffer.ts";
import { isPlain, PlainHttp } from "./plain-http.ts";
import { fetchByProxy } from "./proxied-fetch.ts";
import { type ResponseHead, UnusualResponse } from "./response-reader.ts";

export interface FetchRequest {
  readonly url: URL;
  readonly timeoutMs: number;
  readonly page: PageBuffer;
  /** Of the page as it is parsed, after decompression. */
  readonly bodyLimitBytes: number;
  readonly compress: boolean;
  readonly signal: AbortSignal;
}

/** Fills the page, tells its format. Throws FetchError, BodyLimitError, or the error of a file that cannot be read. */
export type FetchPage = (request: FetchRequest) => Promise<PageFormat>;

export interface HttpFetcher {
  readonly fetch: FetchPage;
  /** No new connections are kept and idle ones end; a page that is under way still comes. */
  retire(): void;
  /** Ends all connections. */
  close(): void;
}

export interface HttpFetcherOptions {
  readonly config: HttpClientConfig;
  /** Made of the same configuration: credentials, and pages that go by a proxy. */
  readonly http: ConfiguredHttp;
  readonly rules: AddressRules;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly negotiation: Negotiation;
}

const REDIRECTS_MAX = 10;
/** URLs whose answers need the general client; beyond this many they are learnt anew. */
const UNUSUAL_MAX = 10_000;

export function createHttpFetcher(options: HttpFetcherOptions): HttpFetcher {
  const agents = new Agents(options.config);
  const lookup = checkedLookup(options.rules);
  const plain = new PlainHttp(lookup, options.clock);
  const unusual = new Set<string>();
  const accept = acceptHeader(options.negotiation);
  const fetch: FetchPage = async (request) => {
    const asked = {
      accept,
      "accept-encoding": request.compress ? "gzip" : "identity",
      "user-agent": options.userAgent,
      "x-prometheus-scrape-timeout-seconds": String(request.timeoutMs / 1000),
    };
    if (options.http.proxyFor(request.url)) return await byProxy(options, request, asked);
    const deadline = new Deadline(request.timeoutMs, request.signal, options.clock);
    try {
      const headers = { ...(await ownHeaders(options.http, deadline)), ...asked };
      if (!unusual.has(request.url.href) && isPlain(request.url, headers)) {
        const format = await fetchPlainly(plain, request, headers, deadline, options);
        if (format) return format;
        if (unusual.size >= UNUSUAL_MAX) unusual.clear();
        unusual.add(request.url.href);
        request.page.clear();
      }
      const response = await follow(request.url, headers, deadline, options, agents, lookup);
      return await readBody(response, request, deadline, options.negotiation);
    } catch (error) {
      if (error instanceof FetchError && error.status === 401) options.http.refused();
      throw error;
    } finally {
      deadline.end();
    }
  };
  return {
    fetch,
    retire() {
      agents.retire();
      plain.retire();
    },
    close() {
      agents.close();
      plain.close();
    },
  };
}

/** Undefined when the answer is one for the general client: a redirect, an older protocol, anything odd. */
async function fetchPlainly(
  plain: PlainHttp,
  request: FetchRequest,
  headers: Record<string, string | string[]>,
  deadline: Deadline,
  { config, rules, negotiation }: HttpFetcherOptions,
): Promise<PageFormat | undefined> {
  checkLiteral(request.url, rules);
  let zipped: PageBuffer | undefined;
  let format: PageFormat = "text";
  const open = (head: ResponseHead) => {
    if (head.status !== 200 && config.followRedirects && head.headers.has("location"))
      throw new UnusualResponse("a redirect");
    if (head.status !== 200) throw statusError(head.status, head.reason);
    format = formatOf(head.headers.get("content-type") ?? "", negotiation.fallback);
    zipped = isZipped(head.headers.get("content-encoding")) ? new PageBuffer() : undefined;
    return zipped ?? request.page;
  };
  try {
    await plain.get({ url: request.url, headers, limitBytes: request.bodyLimitBytes, deadline, open });
  } catch (error) {
    if (error instanceof UnusualResponse) return undefined;
    throw error;
  }
  if (zipped) await unzip(zipped, request);
  request.page.seal();
  return format;
}

/** Credentials; a token may have to be asked for, within the scrape's own time. */
async function ownHeaders(client: ConfiguredHttp, deadline: Deadline): Promise<Record<string, string | string[]>> {
  const late = new AbortController();
  deadline.watch((error) => late.abort(error));
  try {
    return await client.headers(late.signal);
  } catch (error) {
    throw late.signal.aborted ? late.signal.reason : error;
  }
}

async function byProxy(
  { http: client, negotiation }: HttpFetcherOptions,
  request: FetchRequest,
  headers: Readonly<Record<string, string>>,
): Promise<PageFormat> {
  const { contentType, contentEncoding, body } = await fetchByProxy(client, request, headers);
  const format = formatOf(contentType, negotiation.fallback);
  if (isZipped(contentEncoding)) await unzip(body, request);
  else request.page.append(body.bytes.subarray(0, body.length), request.bodyLimitBytes);
  request.page.seal();
  return format;
}

async function follow(
  first: URL,
  headers: Record<string, string | string[]>,
  deadline: Deadline,
  options: HttpFetcherOptions,
  agents: Agents,
  lookup: LookupFunction,
): Promise<IncomingMessage> {
  let url = first;
  let own = headers;
  for (let hops = 0; ; hops++) {
    checkLiteral(url, options.rules);
    const agent = await agents.for(url);
    const response = await send({ ...target(url), headers: own, agent, lookup }, url.protocol, deadline);
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if (status === 200) return response;
    if (!options.config.followRedirects || location === undefined || ![301, 302, 303, 307, 308].includes(status)) {
      response.destroy();
      throw statusError(status, response.statusMessage ?? "");
    }
    response.resume();
    if (hops >= REDIRECTS_MAX) throw new FetchError(`stopped after ${REDIRECTS_MAX} redirects`, "status");
    const next = nextUrl(location, url);
    if (next.host !== url.host) own = withoutCredentials(own);
    url = next;
  }
}

function statusError(status: number, reason: string): FetchError {
  return new FetchError(`server returned HTTP status ${status} ${reason}`.trim(), "status", status);
}

function target(url: URL): RequestOptions {
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port || (url.protocol === "https:" ? 443 : 80),
    path: url.pathname + url.search,
    method: "GET",
  };
}

function nextUrl(location: string, from: URL): URL {
  let next: URL;
  try {
    next = new URL(location, from);
  } catch {
    throw new FetchError("redirected to something that is no URL", "status");
  }
  if (next.protocol !== "http:" && next.protocol !== "https:") {
    throw new FetchError(`redirected to ${next.protocol}, only http and https can be asked`, "status");
  }
  return next;
}

/** Credentials stay with the host that they are for. */
function withoutCredentials(headers: Record<string, string | string[]>): Record<string, string | string[]> {
  const { authorization: _dropped, cookie: _too, ...rest } = headers;
  return rest;
}

/** One exchange up to the headers. A kept connection that the server has just closed is tried anew once. */
function send(options: RequestOptions, protocol: string, deadline: Deadline, again = true): Promise<IncomingMessage> {
  const module = protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    const request = module.request(options, resolve);
    request.on("error", (error: NodeJS.ErrnoException) => {
      const stale = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      if (stale && again) send(options, protocol, deadline, false).then(resolve, reject);
      else reject(error instanceof FetchError ? error : new FetchError(describeSocketError(error)));
    });
    deadline.watch((error) => request.destroy(error));
    request.end();
  });
}

async function readBody(
  response: IncomingMessage,
  request: FetchRequest,
  deadline: Deadline,
  negotiation: Negotiation,
): Promise<PageFormat> {
  let zipped: boolean;
  let format: PageFormat;
  try {
    format = formatOf(response.headers["content-type"] ?? "", negotiation.fallback);
    zipped = isZipped(response.headers["content-encoding"]);
  } catch (error) {
    response.destroy();
    throw error;
  }
  const page = zipped ? new PageBuffer() : request.page;
  await collect(response, page, request.bodyLimitBytes, deadline);
  if (zipped) await unzip(page, request);
  request.page.seal();
  return format;
}

/** Throws FetchError for an encoding that was not asked for. */
function isZipped(contentEncoding = ""): boolean {
  const encoding = contentEncoding.trim().toLowerCase();
  if (encoding === "gzip" || encoding === "x-gzip") return true;
  if (encoding === "" || encoding === "identity") return false;
  throw new FetchError(`the target sent content encoding ${encoding}, which was not asked for`, "content");
}

function collect(response: IncomingMessage, page: PageBuffer, limitBytes: number, deadline: Deadline): Promise<void> {
  return new Promise((resolve, reject) => {
    deadline.watch((error) => response.destroy(error));
    response.on("data", (chunk: Buffer) => {
      try {
        page.append(chunk, limitBytes);
      } catch (error) {
        response.destroy();
        reject(error);
      }
    });
    response.on("end", resolve);
    response.on("error", (error: NodeJS.ErrnoException) =>
      reject(error instanceof FetchError ? error : new FetchError(describeSocketError(error))),
    );
    response.on("close", () => reject(new FetchError("the connection ended before the page did")));
  });
}

function unzip(zipped: PageBuffer, request: FetchRequest): Promise<void> {
  const { page, bodyLimitBytes } = request;
  return new Promise((resolve, reject) => {
    const maxOutputLength = Math.min(bodyLimitBytes, 2 ** 31 - 1);
    gunzip(zipped.bytes.subarray(0, zipped.length), { maxOutputLength }, (error, plain) => {
      if (error) {
        const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
        reject(tooLarge ? new BodyLimitError(bodyLimitBytes) : new FetchError(`gzip: ${error.message}`, "content"));
        return;
      }
      page.append(plain, bodyLimitBytes);
      resolve();
    });
  });
}

/** One agent for each protocol, with kept connections; the one for TLS is made anew when its files change. */
class Agents {
  private readonly plain = new http.Agent({ keepAlive: true });
  private tls: { readonly stamp: string; readonly agent: https.Agent } | undefined;

  constructor(private readonly config: HttpClientConfig) {}

  async for(url: URL): Promise<http.Agent> {
    if (url.protocol !== "https:") return this.plain;
    const stamp = await tlsStamp(this.config.tls);
    if (this.tls?.stamp !== stamp) {
      const agent = new https.Agent({ keepAlive: true, ...(await tlsOptions(this.config.tls)) });
      if (this.tls) retire(this.tls.agent);
      this.tls = { stamp, agent };
    }
    return this.tls.agent;
  }

  retire(): void {
    retire(this.plain);
    if (this.tls) retire(this.tls.agent);
  }

  close(): void {
    this.plain.destroy();
    this.tls?.agent.destroy();
  }
}

/** A socket that comes free where none may be kept is closed by the agent itself. */
function retire(agent: http.Agent): void {
  agent.maxFreeSockets = 0;
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
}

/** Names are checked in the connection's own lookup; a literal address does none. */
function checkLiteral(url: URL, rules: AddressRules): void {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const reason = isIP(host) ? rules.refusal(host, "operator") : undefined;
  if (reason) throw new FetchError(`connection refused by policy: ${reason}`);
}

function checkedLookup(rules: AddressRules): LookupFunction {
  return (host, options, callback) => {
    systemLookup(host, { ...options, all: true }, (error, found) => {
      if (error) {
        callback(error, "", 0);
        return;
      }
      const usable = found.filter((one) => !rules.refusal(one.address, "operator"));
      if (usable.length === 0) {
        const reason = found.map((one) => rules.refusal(one.address, "operator")).find(Boolean);
        callback(new FetchError(`connection refused by policy: ${reason ?? `${host} has no address`}`), "", 0);
      } else if (options.all) callback(null, usable);
      else callback(null, usable[0].address, usable[0].family);
    });
  };
}
