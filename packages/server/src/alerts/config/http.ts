// `http_config` and `tls_config`.
import { z } from "zod";
import type { Builder } from "./builder.ts";
import { maybe, maybeFlag, maybeText, textMap, texts, urlProblem } from "./schema.ts";
import { Secret } from "./secret.ts";
import type { HttpConfig, OAuth2Config, ProxyConfig, TlsConfig } from "./types.ts";

const tlsVersion = maybe(z.enum(["TLS10", "TLS11", "TLS12", "TLS13"], "must be TLS10, TLS11, TLS12 or TLS13"));

export const tlsSchema = z.strictObject({
  ca: maybeText,
  ca_file: maybeText,
  cert: maybeText,
  cert_file: maybeText,
  key: maybeText,
  key_file: maybeText,
  server_name: maybeText,
  insecure_skip_verify: maybeFlag,
  min_version: tlsVersion,
  max_version: tlsVersion,
});

const proxy = {
  proxy_url: maybeText,
  no_proxy: maybeText,
  proxy_from_environment: maybeFlag,
  proxy_connect_header: maybe(z.record(z.string(), z.array(z.string()))),
};

export const httpSchema = z.strictObject({
  basic_auth: maybe(
    z.strictObject({
      username: maybeText,
      username_file: maybeText,
      password: maybeText,
      password_file: maybeText,
    }),
  ),
  authorization: maybe(z.strictObject({ type: maybeText, credentials: maybeText, credentials_file: maybeText })),
  bearer_token: maybeText,
  bearer_token_file: maybeText,
  oauth2: maybe(
    z.strictObject({
      client_id: maybeText,
      client_secret: maybeText,
      client_secret_file: maybeText,
      scopes: texts,
      token_url: maybeText,
      endpoint_params: textMap,
      tls_config: maybe(tlsSchema),
      ...proxy,
    }),
  ),
  enable_http2: maybeFlag,
  follow_redirects: maybeFlag,
  tls_config: maybe(tlsSchema),
  http_headers: maybe(z.record(z.string(), z.strictObject({ values: texts, secrets: texts, files: texts }))),
  ...proxy,
});

export type HttpInput = z.output<typeof httpSchema>;
export type TlsInput = z.output<typeof tlsSchema>;
type Path = ReadonlyArray<string | number>;

export const PLAIN_HTTP: HttpConfig = {
  basicAuth: undefined,
  authorization: undefined,
  headers: [],
  tls: undefined,
  followRedirects: true,
  proxy: undefined,
  oauth2: undefined,
  unsupported: undefined,
};

const TLS_VERSION: Readonly<Record<string, string>> = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};

export function buildTls(builder: Builder, input: TlsInput | undefined, path: Path): TlsConfig | undefined {
  if (!input) return undefined;
  if (Boolean(input.cert || input.cert_file) !== Boolean(input.key || input.key_file)) {
    builder.error(path, "cert and key must be configured together");
  }
  return {
    ca: builder.secret(input, "ca", path),
    cert: builder.secret(input, "cert", path),
    key: builder.secret(input, "key", path),
    serverName: input.server_name,
    insecureSkipVerify: input.insecure_skip_verify ?? false,
    minVersion: input.min_version && TLS_VERSION[input.min_version],
    maxVersion: input.max_version && TLS_VERSION[input.max_version],
  };
}

export function buildHttp(builder: Builder, input: HttpInput | undefined, path: Path): HttpConfig {
  if (!input) return PLAIN_HTTP;
  const ways = [input.basic_auth, input.authorization, input.oauth2, input.bearer_token ?? input.bearer_token_file];
  if (ways.filter((way) => way !== undefined).length > 1) {
    builder.error(path, "at most one of basic_auth, oauth2, authorization & bearer_token must be configured");
  }
  const type = input.authorization?.type ?? "Bearer";
  if (type.toLowerCase() === "basic") {
    builder.error([...path, "authorization"], 'authorization type cannot be set to "basic", use "basic_auth" instead');
  }
  const credentials =
    builder.secret(input.authorization ?? {}, "credentials", [...path, "authorization"]) ??
    builder.secret(input, "bearer_token", path);
  const basicPath = [...path, "basic_auth"];
  const unsupported = unusableProxy(input) ?? (input.oauth2 && unusableProxy(input.oauth2));
  if (unsupported) builder.warn(path, "PROXY_URL", unsupported, "Notifications through it fail until it is put right.");
  return {
    basicAuth: input.basic_auth && {
      username: builder.secret(input.basic_auth, "username", basicPath) ?? Secret.of(""),
      password: builder.secret(input.basic_auth, "password", basicPath) ?? Secret.of(""),
    },
    authorization: credentials && { type, credentials },
    headers: headersOf(builder, input, path),
    tls: buildTls(builder, input.tls_config, [...path, "tls_config"]),
    followRedirects: input.follow_redirects ?? true,
    proxy: buildProxy(builder, input, path),
    oauth2: input.oauth2 && buildOAuth2(builder, input.oauth2, [...path, "oauth2"]),
    unsupported,
  };
}

type ProxyInput = Pick<HttpInput, keyof typeof proxy>;

function unusableProxy({ proxy_url: url }: ProxyInput): string | undefined {
  const problem = url ? urlProblem(url) : undefined;
  return problem && `proxy_url cannot be used: ${problem}`;
}

function buildProxy(builder: Builder, input: ProxyInput, path: Path): ProxyConfig | undefined {
  const { proxy_url: url, no_proxy: exempt, proxy_from_environment: fromEnvironment } = input;
  const connect = Object.entries(input.proxy_connect_header ?? {});
  if (fromEnvironment && url) {
    builder.error(path, "if proxy_from_environment is configured, proxy_url must not be configured");
  } else if (fromEnvironment && exempt) {
    builder.error(path, "if proxy_from_environment is configured, no_proxy must not be configured");
  } else if (!url && exempt) {
    builder.error(path, "if no_proxy is configured, proxy_url must also be configured");
  } else if (connect.length > 0 && !url && !fromEnvironment) {
    const message =
      "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured";
    builder.error(path, message);
  }
  if (!url && !fromEnvironment) return undefined;
  const secret = (text: string | undefined) => (text ? Secret.of(text) : undefined);
  const http = url ?? builder.variable("HTTP_PROXY", "http_proxy");
  const https = url ?? builder.variable("HTTPS_PROXY", "https_proxy");
  const words = (fromEnvironment ? builder.variable("NO_PROXY", "no_proxy") : exempt) ?? "";
  return {
    http: secret(http),
    https: secret(https),
    noProxy: words
      .split(",")
      .map((word) => word.trim().toLowerCase())
      .filter(Boolean),
    headers: connect.flatMap(([name, values]) => values.map((value) => ({ name, value: Secret.of(value) }))),
  };
}

function buildOAuth2(builder: Builder, input: NonNullable<HttpInput["oauth2"]>, path: Path): OAuth2Config {
  if (!input.client_id) builder.error(path, "oauth2 client_id must be configured");
  if (!input.token_url) builder.error(path, "oauth2 token_url must be configured");
  const problem = input.token_url ? urlProblem(input.token_url) : undefined;
  if (problem) builder.error([...path, "token_url"], problem);
  return {
    clientId: input.client_id ?? "",
    clientSecret: builder.secret(input, "client_secret", path) ?? Secret.of(""),
    tokenUrl: input.token_url ?? "",
    scopes: input.scopes ?? [],
    endpointParams: input.endpoint_params ?? {},
    tls: buildTls(builder, input.tls_config, [...path, "tls_config"]),
    proxy: buildProxy(builder, input, path),
  };
}

function headersOf(builder: Builder, input: HttpInput, path: Path): HttpConfig["headers"] {
  return Object.entries(input.http_headers ?? {}).flatMap(([name, { values, secrets, files }]) => [
    ...(values ?? []).map((value) => ({ name, value: Secret.of(value) })),
    ...(secrets ?? []).map((value) => ({ name, value: builder.literalSecret(value, [...path, "http_headers", name]) })),
    ...(files ?? []).map((file) => ({ name, value: Secret.fromFile(builder.file(file)) })),
  ]);
}
