// HTTP to receivers: `http_config` applied, answers sorted into delivered, try again, refused.

import type { HttpConfig, TlsConfig } from "../alerts/config/index.ts";
import type { SafeHttp, SafeHttpRequest, SafeHttpResponse } from "../kernel/safe-http.ts";
import { SafeHttpError } from "../kernel/safe-http.ts";

/** The part of the safe client that receivers use. */
export type HttpSend = SafeHttp["request"];

export interface JsonPost {
  readonly url: string;
  readonly body: string;
  readonly bearer?: string;
  /** 0 = only the signal ends it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Longer than any flush lasts in practice; the signal ends the attempt before. */
const NO_TIMEOUT_MS = 600_000;
const ANSWER_BYTES_MAX = 64 * 1024;

export class HttpConfigError extends Error {}

/** Throws HttpConfigError when the configuration cannot be used, SafeHttpError when no answer came. */
export async function postJson(send: HttpSend, config: HttpConfig, post: JsonPost): Promise<SafeHttpResponse> {
  if (config.unsupported) throw new HttpConfigError(config.unsupported);
  const headers: Record<string, string> = { "content-type": "application/json", "user-agent": "Storewatch" };
  for (const { name, value } of config.headers) headers[name.toLowerCase()] = await value.reveal();
  if (config.authorization) {
    headers.authorization = `${config.authorization.type} ${await config.authorization.credentials.reveal()}`;
  } else if (post.bearer) headers.authorization = `Bearer ${post.bearer}`;
  return send({
    method: "POST",
    url: post.url,
    body: post.body,
    headers,
    basicAuth: config.basicAuth && {
      user: await config.basicAuth.username.reveal(),
      password: await config.basicAuth.password.reveal(),
    },
    tls: config.tls && (await tlsOf(config.tls)),
    followRedirects: config.followRedirects,
    timeoutMs: post.timeoutMs || NO_TIMEOUT_MS,
    bodyLimitBytes: ANSWER_BYTES_MAX,
    signal: post.signal,
    origin: "operator",
  });
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
  | { readonly kind: "retry"; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly kind: "refused"; readonly reason: string };

/** 2xx is success; 429 and 5xx may pass; all else would be answered the same again. */
export function verdictOf(response: SafeHttpResponse): Verdict {
  const { status } = response;
  if (status >= 200 && status < 300) return { kind: "ok" };
  const text = response.body.toString("utf8").trim().slice(0, 256);
  const reason = `unexpected status code ${status}${text ? `: ${text}` : ""}`;
  if (status !== 429 && status < 500) return { kind: "refused", reason };
  return { kind: "retry", reason, retryAfterMs: retryAfterMs(response.headers["retry-after"]) };
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
