// HTTP to receivers: `http_config` applied, answers sorted into delivered, try again, refused.
import type { Clock } from "@storewatch/model";
import type { HttpConfig, ProxyConfig, Secret, TlsConfig } from "../alerts/config/index.ts";
import { OAuthTokens } from "../kernel/oauth-tokens.ts";
import type { SafeHttp, SafeHttpProxy, SafeHttpRequest, SafeHttpResponse } from "../kernel/safe-http.ts";
import { SafeHttpError } from "../kernel/safe-http.ts";
import { proxyFor } from "./proxy.ts";

/** The part of the safe client that receivers use. */
export type HttpSend = SafeHttp["request"];

/** One request. */
export interface Exchange {
  /** Default POST. */
  readonly method?: string;
  readonly url: string;
  readonly body?: string;
  /** Default application/json, where there is a body. */
  readonly contentType?: string;
  /** Names in lower case; they win over those of `http_config`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ExchangeLimits {
  /** 0 = only the signal ends it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Longer than any flush lasts in practice; the signal ends the attempt before. */
const NO_TIMEOUT_MS = 600_000;
const ANSWER_BYTES_MAX = 64 * 1024;

export class HttpConfigError extends Error {}

/** The client of one integration: its `http_config`, and the OAuth token it got. */
export class ReceiverHttp {
  private readonly tokens: OAuthTokens | undefined;

  constructor(
    private readonly config: HttpConfig,
    private readonly send: HttpSend,
    clock: Clock,
  ) {
    const { oauth2 } = config;
    this.tokens = oauth2 && new OAuthTokens(oauth2, clock, (request) => this.tokenRequest(request));
  }

  /** Throws HttpConfigError when the configuration cannot be used, SafeHttpError when no answer came. */
  async request(exchange: Exchange, limits: ExchangeLimits): Promise<SafeHttpResponse> {
    if (this.config.unsupported) throw new HttpConfigError(this.config.unsupported);
    const response = await this.attempt(exchange, limits);
    // A token may be revoked before its time.
    if (response.status !== 401 || !this.tokens) return response;
    this.tokens.drop();
    return this.attempt(exchange, limits);
  }

  /** What must not be shown, wherever it comes back. */
  async secrets(): Promise<string[]> {
    const { basicAuth, authorization, oauth2, headers, proxy } = this.config;
    const shown: (Secret | undefined)[] = [
      basicAuth?.password,
      authorization?.credentials,
      oauth2?.clientSecret,
      proxy?.http,
      proxy?.https,
      ...headers.map(({ value }) => value),
      ...(proxy?.headers.map(({ value }) => value) ?? []),
    ];
    const texts = await Promise.all(shown.map((secret) => secret?.reveal().catch(() => "")));
    const known = texts.filter((text): text is string => Boolean(text));
    const user = basicAuth && (await basicAuth.username.reveal().catch(() => ""));
    if (user !== undefined && texts[0]) known.push(Buffer.from(`${user}:${texts[0]}`).toString("base64"));
    return [...known, ...(this.tokens?.known() ?? [])];
  }

  private async attempt(exchange: Exchange, { timeoutMs, signal }: ExchangeLimits): Promise<SafeHttpResponse> {
    const { config } = this;
    const headers: Record<string, string> = { "user-agent": "Storewatch" };
    if (exchange.body !== undefined) headers["content-type"] = exchange.contentType ?? "application/json";
    for (const { name, value } of config.headers) {
      const key = name.toLowerCase();
      const text = await value.reveal();
      headers[key] = headers[key] === undefined || key === "user-agent" ? text : `${headers[key]}, ${text}`;
    }
    const authorization = await this.authorization(signal);
    if (authorization) headers.authorization = authorization;
    return this.send({
      method: exchange.method ?? "POST",
      url: exchange.url,
      body: exchange.body,
      headers: { ...headers, ...exchange.headers },
      basicAuth: config.basicAuth && {
        user: await config.basicAuth.username.reveal(),
        password: await config.basicAuth.password.reveal(),
      },
      tls: config.tls && (await tlsOf(config.tls)),
      proxy: await proxyOf(config.proxy, exchange.url),
      followRedirects: config.followRedirects,
      timeoutMs: timeoutMs || NO_TIMEOUT_MS,
      bodyLimitBytes: ANSWER_BYTES_MAX,
      signal,
      origin: "operator",
    });
  }

  private async authorization(signal: AbortSignal): Promise<string | undefined> {
    const { authorization } = this.config;
    if (authorization) return `${authorization.type} ${await authorization.credentials.reveal()}`;
    return this.tokens?.authorization(signal);
  }

  private async tokenRequest(request: Exchange & { readonly signal: AbortSignal }): Promise<SafeHttpResponse> {
    const { tls, proxy } = this.config.oauth2 ?? {};
    return this.send({
      method: "POST",
      url: request.url,
      body: request.body,
      headers: { "user-agent": "Storewatch", accept: "application/json", ...request.headers },
      tls: tls && (await tlsOf(tls)),
      proxy: await proxyOf(proxy ?? this.config.proxy, request.url),
      bodyLimitBytes: ANSWER_BYTES_MAX,
      signal: request.signal,
      origin: "operator",
    });
  }
}

async function proxyOf(config: ProxyConfig | undefined, url: string): Promise<SafeHttpProxy | undefined> {
  const secret = config && proxyFor(config, url);
  if (!config || !secret) return undefined;
  const headers: Record<string, string> = {};
  for (const { name, value } of config.headers) headers[name.toLowerCase()] = await value.reveal();
  return { url: await secret.reveal(), headers };
}

export async function tlsOf(tls: TlsConfig): Promise<NonNullable<SafeHttpRequest["tls"]>> {
  type Version = NonNullable<SafeHttpRequest["tls"]>["minVersion"];
  return {
    ca: await tls.ca?.reveal(),
    cert: await tls.cert?.reveal(),
    key: await tls.key?.reveal(),
    serverName: tls.serverName,
    insecureSkipVerify: tls.insecureSkipVerify,
    minVersion: tls.minVersion as Version,
    maxVersion: tls.maxVersion as Version,
  };
}

export type Verdict =
  | { readonly kind: "ok" }
  | {
      readonly kind: "retry";
      readonly reason: string;
      readonly retryAfterMs?: number;
      /** The service is well and asks us to slow down. */
      readonly limited?: boolean;
    }
  | { readonly kind: "refused"; readonly reason: string };

/** 2xx is success; 429 and 5xx may pass; all else would be answered the same again. */
export function verdictOf(response: SafeHttpResponse): Verdict {
  const { status } = response;
  if (status >= 200 && status < 300) return { kind: "ok" };
  const text = response.body.toString("utf8").trim().slice(0, 256);
  const reason = `unexpected status code ${status}${text ? `: ${text}` : ""}`;
  if (status !== 429 && status < 500) return { kind: "refused", reason };
  const waitMs = retryAfterMs(response.headers["retry-after"]);
  return { kind: "retry", reason, retryAfterMs: waitMs, limited: status === 429 };
}

/** Seconds only; a date would need the other side's clock. */
function retryAfterMs(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : (header ?? Number.NaN));
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/** Why an attempt without an answer failed, and whether another makes sense. */
export function verdictOfError(error: unknown): Verdict {
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof HttpConfigError) return { kind: "refused", reason };
  if (error instanceof SafeHttpError && (error.failure === "bad-url" || error.failure === "address")) {
    return { kind: "refused", reason };
  }
  return { kind: "retry", reason };
}
