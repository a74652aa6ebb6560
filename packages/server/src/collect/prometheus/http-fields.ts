// How a request is made: credentials, TLS, proxy, headers. These keys stand in every section that makes requests.
import { z } from "zod";
import { entry, flag, type Report, secret, secrets, section, text, textMap, texts, url } from "./fields.ts";
import type { Secret } from "./secret.ts";

const tlsVersion = text.refine((value) => !value || /^TLS1[0-3]$/.test(value), {
  error: (issue) => `unknown TLS version: ${String(issue.input)}`,
});

export const tlsFields = {
  ca: text,
  ca_file: text,
  ca_ref: text,
  cert: text,
  cert_file: text,
  cert_ref: text,
  key: secret,
  key_file: text,
  key_ref: text,
  server_name: text,
  insecure_skip_verify: flag,
  min_version: tlsVersion,
  max_version: tlsVersion,
};

const proxyFields = {
  proxy_url: url,
  no_proxy: text,
  proxy_from_environment: flag,
  proxy_connect_header: z.record(z.string(), secrets).nullable().optional(),
};

const headerFields = entry({ values: texts, secrets, files: texts }, "empty header");

export const httpFields = {
  basic_auth: section({
    username: text,
    username_file: text,
    username_ref: text,
    password: secret,
    password_file: text,
    password_ref: text,
  }),
  authorization: section({ type: text, credentials: secret, credentials_file: text, credentials_ref: text }),
  oauth2: section({
    client_id: text,
    client_secret: secret,
    client_secret_file: text,
    client_secret_ref: text,
    client_certificate_key_id: text,
    client_certificate_key: secret,
    client_certificate_key_file: text,
    client_certificate_key_ref: text,
    signature_algorithm: text,
    iss: text,
    audience: text,
    claims: z.record(z.string(), z.unknown()).nullable().optional(),
    grant_type: text,
    scopes: texts,
    token_url: text,
    endpoint_params: textMap,
    tls_config: section(tlsFields),
    ...proxyFields,
  }),
  bearer_token: secret,
  bearer_token_file: text,
  tls_config: section(tlsFields),
  follow_redirects: flag,
  enable_http2: flag,
  ...proxyFields,
  http_headers: z.record(z.string(), headerFields).nullable().optional(),
};

const httpSchema = z.strictObject(httpFields);
export type HttpFields = z.output<typeof httpSchema>;

const given = (value: string | Secret | null | undefined): boolean =>
  typeof value === "string" ? value !== "" : value != null && value.reveal() !== "";
const countGiven = (...values: Array<string | Secret | null | undefined>): number => values.filter(given).length;

/** What must not stand together; the texts are those of the peers. */
export function checkHttp(http: HttpFields, report: Report): void {
  const bearer = given(http.bearer_token) || given(http.bearer_token_file);
  if (given(http.bearer_token) && given(http.bearer_token_file)) {
    report("at most one of bearer_token & bearer_token_file must be configured", "bearer_token_file");
  }
  if ((http.basic_auth || http.oauth2) && bearer) {
    const message = "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured";
    report(message, given(http.bearer_token) ? "bearer_token" : "bearer_token_file");
  }
  const basic = http.basic_auth;
  if (basic && countGiven(basic.username, basic.username_file, basic.username_ref) > 1) {
    report("at most one of basic_auth username, username_file & username_ref must be configured", "basic_auth");
  }
  if (basic && countGiven(basic.password, basic.password_file, basic.password_ref) > 1) {
    report("at most one of basic_auth password, password_file & password_ref must be configured", "basic_auth");
  }
  checkAuthorization(http, bearer, report);
  checkOauth2(http.oauth2, report);
  checkTls(http.tls_config, report);
  checkProxy(http, report);
  for (const name of Object.keys(http.http_headers ?? {})) {
    if (RESERVED_HEADERS.has(name.toLowerCase())) report(`setting header ${name} is not allowed`, "http_headers", name);
  }
}

function checkAuthorization(http: HttpFields, bearer: boolean, report: Report): void {
  const authorization = http.authorization;
  if (authorization) {
    if (bearer) {
      report("authorization is not compatible with bearer_token & bearer_token_file", "authorization");
    }
    const { credentials, credentials_file: file, credentials_ref: ref } = authorization;
    if (countGiven(credentials, file, ref) > 1) {
      report("at most one of authorization credentials & credentials_file must be configured", "authorization");
    }
    if ((authorization.type ?? "").trim().toLowerCase() === "basic") {
      report('authorization type cannot be set to "basic", use "basic_auth" instead', "authorization", "type");
    }
  }
  if ([authorization, http.basic_auth, http.oauth2].filter(Boolean).length > 1) {
    report(
      "at most one of basic_auth, oauth2 & authorization must be configured",
      authorization ? "authorization" : "oauth2",
    );
  }
}

function checkOauth2(oauth2: HttpFields["oauth2"], report: Report): void {
  if (!oauth2) return;
  if (!oauth2.client_id) report("oauth2 client_id must be configured", "oauth2");
  if (!oauth2.token_url) report("oauth2 token_url must be configured", "oauth2");
  if (countGiven(oauth2.client_secret, oauth2.client_secret_file, oauth2.client_secret_ref) > 1) {
    report("at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured", "oauth2");
  }
}

export function checkTls(tls: HttpFields["tls_config"], report: Report): void {
  if (!tls) return;
  if (countGiven(tls.ca, tls.ca_file, tls.ca_ref) > 1) {
    report("at most one of ca, ca_file & ca_ref must be configured", "tls_config");
  }
  const cert = countGiven(tls.cert, tls.cert_file, tls.cert_ref);
  const key = countGiven(tls.key, tls.key_file, tls.key_ref);
  if (cert > 1) report("at most one of cert, cert_file & cert_ref must be configured", "tls_config");
  if (key > 1) report("at most one of key, key_file & key_ref must be configured", "tls_config");
  if (cert > 0 && key === 0) {
    report("exactly one of key or key_file must be configured when a client certificate is configured", "tls_config");
  }
  if (key > 0 && cert === 0) {
    report("exactly one of cert or cert_file must be configured when a client key is configured", "tls_config");
  }
  if (tls.min_version && tls.max_version && tls.min_version > tls.max_version) {
    report(
      "tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified",
      "tls_config",
    );
  }
}

function checkProxy(http: HttpFields, report: Report): void {
  if (http.proxy_from_environment && http.proxy_url) {
    report("if proxy_from_environment is configured, proxy_url must not be configured", "proxy_url");
  }
  if (http.proxy_from_environment && http.no_proxy) {
    report("if proxy_from_environment is configured, no_proxy must not be configured", "no_proxy");
  }
  if (!http.proxy_url && http.no_proxy) {
    report("if no_proxy is configured, proxy_url must also be configured", "no_proxy");
  }
  if (Object.keys(http.proxy_connect_header ?? {}).length > 0 && !http.proxy_url && !http.proxy_from_environment) {
    const message =
      "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured";
    report(message, "proxy_connect_header");
  }
}

/** Headers that the client sets itself. */
const RESERVED_HEADERS = new Set([
  "authorization",
  "host",
  "content-encoding",
  "content-length",
  "content-type",
  "user-agent",
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "www-authenticate",
  "accept-encoding",
  "x-prometheus-remote-write-version",
  "x-prometheus-remote-read-version",
  "x-prometheus-scrape-timeout-seconds",
  "x-amz-date",
  "x-amz-security-token",
  "x-amz-content-sha256",
]);

/** Whether anything differs from a plain request: some sections forbid that in some cases. */
export function isCustomised(http: HttpFields): boolean {
  return Object.keys(httpFields).some((key) => {
    const value = http[key as keyof HttpFields];
    if (value == null || value === "" || value === false) return key === "follow_redirects" && value === false;
    if (key === "follow_redirects" || key === "enable_http2") return value !== true;
    return !(typeof value === "object" && "reveal" in value) || given(value as Secret);
  });
}

/** Headers of remote write, remote read and tracing. */
export function checkHeaders(
  headers: Readonly<Record<string, string>> | null | undefined,
  authorization: string,
  report: Report,
): void {
  for (const name of Object.keys(headers ?? {})) {
    const lower = name.toLowerCase();
    if (lower === "authorization") report(authorization, "headers", name);
    else if (RESERVED_HEADERS.has(lower) && lower !== "x-prometheus-scrape-timeout-seconds") {
      report(`${name} is a reserved header. It must not be changed`, "headers", name);
    }
  }
}
