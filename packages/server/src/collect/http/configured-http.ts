// HTTP as a section of the Prometheus file configures it: credentials, OAuth, TLS, proxy, headers. Files are read for
// each request, so that a rotated secret needs no reload.
import type { Clock } from "@storewatch/model";
import { OAuthTokens, type TokenRequest } from "../../kernel/oauth-tokens.ts";
import { isProxyExempt } from "../../kernel/proxy-rules.ts";
import type { SafeHttp, SafeHttpProxy, SafeHttpResponse, SafeHttpTls } from "../../kernel/safe-http.ts";
import type { HttpClientConfig, ProxyClientConfig, TlsClientConfig } from "../prometheus-config.ts";
import { requestHeaders, secretFile, tlsOptions } from "../scrape/credentials.ts";

export interface ConfiguredRequest {
  /** Default GET. */
  readonly method?: string;
  readonly url: string;
  /** Names in lower case; they win over those of the configuration. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs: number;
  readonly bodyLimitBytes: number;
  readonly signal?: AbortSignal;
  readonly onPart?: (part: Buffer) => void;
}

const TOKEN_TIMEOUT_MS = 10_000;
const TOKEN_BYTES_MAX = 256 * 1024;

export class ConfiguredHttp {
  private readonly tokens: OAuthTokens | undefined;

  constructor(
    private readonly config: HttpClientConfig,
    private readonly send: SafeHttp["request"],
    clock: Clock,
  ) {
    const { oauth2 } = config;
    if (!oauth2) return;
    const clientSecret = {
      reveal: async () => (oauth2.secretFile ? secretFile(oauth2.secretFile) : (oauth2.secret?.reveal() ?? "")),
    };
    this.tokens = new OAuthTokens({ ...oauth2, clientSecret }, clock, (request) => this.askToken(request));
  }

  /** Of one request. Throws when a file cannot be read or no token is given. */
  async headers(signal: AbortSignal): Promise<Record<string, string | string[]>> {
    const headers = await requestHeaders(this.config);
    if (this.tokens) headers.authorization = await this.tokens.authorization(signal);
    return headers;
  }

  /** The server did not accept the credentials: a token may have been revoked before its time. */
  refused(): void {
    this.tokens?.drop();
  }

  /** The proxy that this URL goes by; undefined: none. */
  proxyFor(url: URL): SafeHttpProxy | undefined {
    return proxyOf(this.config.proxy, url);
  }

  /** Throws SafeHttpError, or the error of a file that cannot be read. An answer of any status is an answer. */
  async request(request: ConfiguredRequest): Promise<SafeHttpResponse> {
    const response = await this.attempt(request);
    if (response.status !== 401 || !this.tokens) return response;
    this.refused();
    return this.attempt(request);
  }

  private async attempt({ headers: own, ...request }: ConfiguredRequest): Promise<SafeHttpResponse> {
    const signal = request.signal ?? new AbortController().signal;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(await this.headers(signal))) {
      headers[name.toLowerCase()] = [value].flat().join(", ");
    }
    return this.send({
      ...request,
      headers: { ...headers, ...own },
      tls: await tlsOf(this.config.tls),
      proxy: URL.canParse(request.url) ? this.proxyFor(new URL(request.url)) : undefined,
      followRedirects: this.config.followRedirects,
      origin: "operator",
    });
  }

  private async askToken(request: TokenRequest): Promise<SafeHttpResponse> {
    const { oauth2 } = this.config;
    return this.send({
      method: "POST",
      url: request.url,
      body: request.body,
      headers: { "user-agent": "Storewatch", accept: "application/json", ...request.headers },
      tls: oauth2 && (await tlsOf(oauth2.tls)),
      proxy: URL.canParse(request.url) ? proxyOf(oauth2?.proxy, new URL(request.url)) : undefined,
      timeoutMs: TOKEN_TIMEOUT_MS,
      bodyLimitBytes: TOKEN_BYTES_MAX,
      signal: request.signal,
      origin: "operator",
    });
  }
}

function proxyOf(config: ProxyClientConfig | undefined, url: URL): SafeHttpProxy | undefined {
  const secret = config && (url.protocol === "https:" ? config.https : config.http);
  if (!config || !secret || isProxyExempt(config.noProxy, url)) return undefined;
  const headers = config.connectHeaders.map(({ name, values }) => {
    return [name.toLowerCase(), values.map((value) => value.reveal()).join(", ")] as const;
  });
  return { url: secret.reveal(), headers: Object.fromEntries(headers) };
}

async function tlsOf(tls: TlsClientConfig): Promise<SafeHttpTls> {
  const { ca, cert, key, servername, rejectUnauthorized, minVersion, maxVersion } = await tlsOptions(tls);
  return {
    ...(ca && { ca: String(ca) }),
    ...(cert && { cert: String(cert) }),
    ...(key && { key: String(key) }),
    ...(servername && { serverName: servername }),
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    insecureSkipVerify: rejectUnauthorized === false,
  };
}
