// From the checked keys of a section that makes requests to what requests are made with.
import path from "node:path";
import { parseNoProxy } from "../../kernel/proxy-rules.ts";
import type {
  HttpClientConfig,
  OAuth2ClientConfig,
  ProxyClientConfig,
  TlsClientConfig,
  TlsVersion,
} from "./config-types.ts";
import type { HttpFields } from "./http-fields.ts";
import { Secret } from "./secret.ts";

/** What a section takes from around it. */
export interface Surroundings {
  /** Folder of the file that the section stands in: relative file names start there. */
  readonly dir: string;
  /** For `proxy_from_environment`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

type FileOf = (name: string | undefined) => string;

export function toHttp(fields: HttpFields, from: Surroundings): HttpClientConfig {
  const file: FileOf = (name) => (name ? path.resolve(from.dir, name) : "");
  const { basic_auth: basic, authorization, bearer_token: token, bearer_token_file: tokenFile } = fields;
  const hasBearer = (token !== undefined && token.reveal() !== "") || !!tokenFile;
  const bearer = hasBearer ? { type: "Bearer", credentials: token, credentialsFile: file(tokenFile) } : undefined;
  return {
    basicAuth: basic
      ? {
          username: basic.username ?? "",
          usernameFile: file(basic.username_file),
          password: basic.password,
          passwordFile: file(basic.password_file),
        }
      : undefined,
    authorization: authorization
      ? {
          type: authorization.type?.trim() || "Bearer",
          credentials: authorization.credentials,
          credentialsFile: file(authorization.credentials_file),
        }
      : bearer,
    oauth2: fields.oauth2 ? toOauth2(fields.oauth2, file, from) : undefined,
    tls: toTls(fields.tls_config ?? {}, file),
    proxy: toProxy(fields, from),
    followRedirects: fields.follow_redirects ?? true,
    headers: Object.entries(fields.http_headers ?? {}).map(([name, header]) => ({
      name,
      values: header.values ?? [],
      secrets: (header.secrets ?? []).filter((secret) => secret !== undefined),
      files: (header.files ?? []).map(file),
    })),
  };
}

function toOauth2(oauth2: NonNullable<HttpFields["oauth2"]>, file: FileOf, from: Surroundings): OAuth2ClientConfig {
  return {
    clientId: oauth2.client_id ?? "",
    secret: oauth2.client_secret,
    secretFile: file(oauth2.client_secret_file),
    tokenUrl: oauth2.token_url ?? "",
    scopes: oauth2.scopes ?? [],
    endpointParams: oauth2.endpoint_params ?? {},
    tls: toTls(oauth2.tls_config ?? {}, file),
    proxy: toProxy(oauth2, from),
  };
}

type ProxyFields = Pick<HttpFields, "proxy_url" | "no_proxy" | "proxy_from_environment" | "proxy_connect_header">;

function toProxy(fields: ProxyFields, { environment }: Surroundings): ProxyClientConfig | undefined {
  const variable = (name: string) => environment[name] || environment[name.toLowerCase()] || "";
  const fromEnvironment = fields.proxy_from_environment ?? false;
  if (!fields.proxy_url && !fromEnvironment) return undefined;
  const secret = (text: string) => (text === "" ? undefined : new Secret(text));
  return {
    http: secret(fields.proxy_url || variable("HTTP_PROXY")),
    https: secret(fields.proxy_url || variable("HTTPS_PROXY")),
    noProxy: parseNoProxy(fromEnvironment ? variable("NO_PROXY") : (fields.no_proxy ?? "")),
    connectHeaders: Object.entries(fields.proxy_connect_header ?? {}).map(([name, values]) => ({
      name,
      values: (values ?? []).filter((value) => value !== undefined),
    })),
  };
}

function toTls(tls: NonNullable<HttpFields["tls_config"]>, file: FileOf): TlsClientConfig {
  return {
    ca: tls.ca ?? "",
    caFile: file(tls.ca_file),
    cert: tls.cert ?? "",
    certFile: file(tls.cert_file),
    key: tls.key,
    keyFile: file(tls.key_file),
    serverName: tls.server_name ?? "",
    insecureSkipVerify: tls.insecure_skip_verify ?? false,
    minVersion: toTlsVersion(tls.min_version),
    maxVersion: toTlsVersion(tls.max_version),
  };
}

function toTlsVersion(text: string | undefined): TlsVersion | undefined {
  const versions: Readonly<Record<string, TlsVersion>> = {
    TLS10: "TLSv1",
    TLS11: "TLSv1.1",
    TLS12: "TLSv1.2",
    TLS13: "TLSv1.3",
  };
  return text ? versions[text] : undefined;
}
