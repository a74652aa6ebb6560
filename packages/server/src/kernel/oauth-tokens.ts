// OAuth 2.0 client credentials: a token is fetched once and used until shortly before it ends.
import type { Clock } from "@storewatch/model";
import type { SafeHttpResponse } from "./safe-http.ts";

export interface OAuthClient {
  readonly clientId: string;
  /** Read for each token, so that a file may change. */
  readonly clientSecret: { reveal(): Promise<string> };
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  readonly endpointParams: Readonly<Record<string, string>>;
}

export interface TokenRequest {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

interface Token {
  readonly authorization: string;
  readonly secret: string;
  readonly untilMs: number;
}

/** Renewed this long before its end, so that it does not end on the way. */
const EARLY_MS = 10_000;
/** Without `expires_in`. */
const DEFAULT_LIFE_MS = 300_000;

export class OAuthTokens {
  private token: Token | undefined;
  private given: readonly string[] = [];
  private pending: Promise<Token> | undefined;
  /** Where the server wants the client's credentials: learnt at the first answer. */
  private style: "header" | "body" = "header";

  constructor(
    private readonly config: OAuthClient,
    private readonly clock: Clock,
    private readonly send: (request: TokenRequest) => Promise<SafeHttpResponse>,
  ) {}

  /** Value of the Authorization header. Throws when the server gives no token. */
  async authorization(signal: AbortSignal): Promise<string> {
    if (this.token && this.token.untilMs > this.clock.monotonicMs()) return this.token.authorization;
    this.pending ??= this.fetch(signal).finally(() => {
      this.pending = undefined;
    });
    this.token = await this.pending;
    const { secret } = this.token;
    this.given = [secret, ...this.given.filter((one) => one !== secret)].slice(0, 2);
    return this.token.authorization;
  }

  drop(): void {
    this.token = undefined;
  }

  /** Tokens that must not be shown: the newest two, because a refusal may echo the one before. */
  known(): readonly string[] {
    return this.given;
  }

  private async fetch(signal: AbortSignal): Promise<Token> {
    let response = await this.ask(signal);
    if (this.style === "header" && (response.status === 400 || response.status === 401)) {
      this.style = "body";
      const other = await this.ask(signal);
      if (other.status < 300) response = other;
      else this.style = "header";
    }
    return this.read(response);
  }

  private async ask(signal: AbortSignal): Promise<SafeHttpResponse> {
    const { clientId, scopes, endpointParams, tokenUrl } = this.config;
    const secret = await this.config.clientSecret.reveal();
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    for (const [name, value] of Object.entries(endpointParams)) form.set(name, value);
    const headers: Record<string, string> = { "content-type": "application/x-www-form-urlencoded" };
    if (this.style === "body") {
      form.set("client_id", clientId);
      if (secret) form.set("client_secret", secret);
    } else {
      // RFC 6749 2.3.1: both parts are form-encoded before they are joined.
      const pair = [clientId, secret].map((part) => encodeURIComponent(part)).join(":");
      headers.authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    }
    return this.send({ url: tokenUrl, body: form.toString(), headers, signal });
  }

  private read(response: SafeHttpResponse): Token {
    const { access_token: token, token_type: type, expires_in: seconds } = fieldsOf(response);
    if (response.status >= 300 || typeof token !== "string" || token === "") {
      throw new Error(`oauth2: the token server answered ${response.status} without a token`);
    }
    const given = Number(seconds);
    const lifeMs = Number.isFinite(given) && given > 0 ? given * 1000 : DEFAULT_LIFE_MS;
    const scheme = typeof type === "string" && type !== "" && type.toLowerCase() !== "bearer" ? type : "Bearer";
    const untilMs = this.clock.monotonicMs() + Math.max(lifeMs - EARLY_MS, lifeMs / 2);
    return { authorization: `${scheme} ${token}`, secret: token, untilMs };
  }
}

function fieldsOf(response: SafeHttpResponse): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(response.body.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
