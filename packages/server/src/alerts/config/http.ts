// `http_config` and `tls_config`.
import { z } from "zod";
import type { Builder } from "./builder.ts";
import { maybe, maybeFlag, maybeText, textMap, texts } from "./schema.ts";
import { Secret } from "./secret.ts";
import type { HttpConfig, TlsConfig } from "./types.ts";

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
  const unsupported = unsupportedOf(input);
  if (unsupported)
    builder.warn(path, "NOT_IN_THIS_VERSION", unsupported, "Notifications through it fail until it is taken out.");
  return {
    basicAuth: input.basic_auth && {
      username: builder.secret(input.basic_auth, "username", basicPath) ?? Secret.of(""),
      password: builder.secret(input.basic_auth, "password", basicPath) ?? Secret.of(""),
    },
    authorization: credentials && { type, credentials },
    headers: headersOf(builder, input, path),
    tls: buildTls(builder, input.tls_config, [...path, "tls_config"]),
    followRedirects: input.follow_redirects ?? true,
    unsupported,
  };
}

function unsupportedOf(input: HttpInput): string | undefined {
  if (input.oauth2) return "oauth2 is not in this version";
  if (input.proxy_url) return "proxy_url is not in this version";
  if (input.proxy_from_environment) return "proxy_from_environment is not in this version";
  return undefined;
}

function headersOf(builder: Builder, input: HttpInput, path: Path): HttpConfig["headers"] {
  return Object.entries(input.http_headers ?? {}).flatMap(([name, { values, secrets, files }]) => [
    ...(values ?? []).map((value) => ({ name, value: Secret.of(value) })),
    ...(secrets ?? []).map((value) => ({ name, value: builder.literalSecret(value, [...path, "http_headers", name]) })),
    ...(files ?? []).map((file) => ({ name, value: Secret.fromFile(builder.file(file)) })),
  ]);
}
