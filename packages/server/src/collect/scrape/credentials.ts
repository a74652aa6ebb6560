// What a request carries besides its URL: credentials and TLS material, from the configuration or from files that are
// read anew, so that a rotated secret needs no reload.
import { readFile, stat } from "node:fs/promises";
import type { AgentOptions } from "node:https";
import type { HttpClientConfig, TlsClientConfig } from "../prometheus-config.ts";

/** Headers of one request. Throws with the file's name when one cannot be read. */
export async function requestHeaders(config: HttpClientConfig): Promise<Record<string, string | string[]>> {
  const headers: Record<string, string | string[]> = {};
  for (const { name, values, secrets, files } of config.headers) {
    const fromFiles = await Promise.all(files.map(secretFile));
    headers[name] = [...values, ...secrets.map((secret) => secret.reveal()), ...fromFiles];
  }
  const { basicAuth, authorization } = config;
  if (basicAuth) {
    const user = basicAuth.usernameFile ? await secretFile(basicAuth.usernameFile) : basicAuth.username;
    const password = basicAuth.passwordFile
      ? await secretFile(basicAuth.passwordFile)
      : (basicAuth.password?.reveal() ?? "");
    headers.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  } else if (authorization) {
    const credentials = authorization.credentialsFile
      ? await secretFile(authorization.credentialsFile)
      : (authorization.credentials?.reveal() ?? "");
    headers.authorization = `${authorization.type} ${credentials}`;
  }
  return headers;
}

export async function secretFile(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new Error(`unable to read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Options for an HTTPS agent. Throws when a file cannot be read. */
export async function tlsOptions(tls: TlsClientConfig): Promise<AgentOptions> {
  const ca = tls.caFile ? await secretFile(tls.caFile) : tls.ca;
  const cert = tls.certFile ? await secretFile(tls.certFile) : tls.cert;
  const key = tls.keyFile ? await secretFile(tls.keyFile) : (tls.key?.reveal() ?? "");
  return {
    rejectUnauthorized: !tls.insecureSkipVerify,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(tls.serverName && { servername: tls.serverName }),
    ...(tls.minVersion && { minVersion: tls.minVersion }),
    ...(tls.maxVersion && { maxVersion: tls.maxVersion }),
  };
}

/** Changes when one of the files of the TLS section does. */
export async function tlsStamp(tls: TlsClientConfig): Promise<string> {
  const files = [tls.caFile, tls.certFile, tls.keyFile].filter(Boolean);
  if (files.length === 0) return "";
  const times = await Promise.all(
    files.map((file) =>
      stat(file).then(
        (s) => s.mtimeMs,
        () => 0,
      ),
    ),
  );
  return times.join(" ");
}
