// How the API server is reached: from inside the cluster, by a kubeconfig file, or as the job says.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { parseConfigDocument, validate } from "../../../config/document.ts";
import { Secret } from "../../prometheus/secret.ts";
import type { HttpClientConfig, KubernetesAccess, TlsClientConfig } from "../../prometheus-config.ts";

export interface ApiServer {
  /** Without a slash at the end. */
  readonly url: string;
  readonly http: HttpClientConfig;
}

const NO_TLS: TlsClientConfig = {
  ca: "",
  caFile: "",
  cert: "",
  certFile: "",
  key: undefined,
  keyFile: "",
  serverName: "",
  insecureSkipVerify: false,
  minVersion: undefined,
  maxVersion: undefined,
};
const PLAIN: HttpClientConfig = {
  basicAuth: undefined,
  authorization: undefined,
  oauth2: undefined,
  tls: NO_TLS,
  proxy: undefined,
  followRedirects: true,
  headers: [],
};

/** Throws with the reason when there is no way to a server. */
export async function apiServerOf(access: KubernetesAccess): Promise<ApiServer> {
  if (access.kind === "server") return { url: trimSlash(access.server), http: access.http };
  if (access.kind === "kubeconfig") return fromKubeconfig(access.file);
  if (!access.server) {
    throw new Error(
      "not inside a cluster: KUBERNETES_SERVICE_HOST is not set; name an api_server or a kubeconfig_file",
    );
  }
  const authorization = {
    type: "Bearer",
    credentials: undefined,
    // Read for each request: the cluster renews it.
    credentialsFile: path.join(access.dir, "token"),
  };
  const tls = { ...NO_TLS, caFile: path.join(access.dir, "ca.crt") };
  return { url: access.server, http: { ...PLAIN, authorization, tls } };
}

/** The namespace that Storewatch runs in. */
export async function ownNamespace(access: KubernetesAccess): Promise<string> {
  if (access.kind !== "in-cluster") throw new Error("own_namespace can only be known inside a cluster");
  return (await readFile(path.join(access.dir, "namespace"), "utf8")).trim();
}

const text = z.string().optional();
const named = <S extends z.ZodRawShape>(key: string, shape: S) =>
  z.array(z.object({ name: z.string(), [key]: z.object(shape) })).optional();

const kubeconfigSchema = z.object({
  "current-context": text,
  contexts: named("context", { cluster: text, user: text }),
  clusters: named("cluster", {
    server: z.string(),
    "certificate-authority": text,
    "certificate-authority-data": text,
    "insecure-skip-tls-verify": z.boolean().optional(),
    "tls-server-name": text,
    "proxy-url": text,
  }),
  users: named("user", {
    token: text,
    tokenFile: text,
    username: text,
    password: text,
    "client-certificate": text,
    "client-certificate-data": text,
    "client-key": text,
    "client-key-data": text,
    exec: z.unknown().optional(),
    "auth-provider": z.unknown().optional(),
  }),
});

type Entry = Readonly<Record<string, unknown>>;

/** Throws ConfigError when the file is not one, and Error when what it names is not in it. */
async function fromKubeconfig(file: string): Promise<ApiServer> {
  const config = validate(kubeconfigSchema, parseConfigDocument(file, await readFile(file, "utf8")));
  const contextName = config["current-context"] ?? "";
  const context = entryOf(config.contexts, contextName, "context");
  if (!context) throw new Error(`${file}: no current-context`);
  const cluster = entryOf(config.clusters, context.cluster, "cluster");
  if (!cluster) throw new Error(`${file}: no cluster of the context ${contextName}`);
  const user = entryOf(config.users, context.user, "user") ?? {};
  if (user.exec || user["auth-provider"]) {
    throw new Error(`${file}: users with exec or auth-provider cannot be used: give a token, tokenFile or certificate`);
  }
  return { url: trimSlash(String(cluster.server)), http: httpOf(cluster, user, path.dirname(file)) };
}

function entryOf(list: readonly Entry[] | undefined, name: unknown, key: string): Entry | undefined {
  return list?.find((one) => one.name === name)?.[key] as Entry | undefined;
}

function httpOf(cluster: Entry, user: Entry, dir: string): HttpClientConfig {
  const file = (value: unknown) => (typeof value === "string" && value !== "" ? path.resolve(dir, value) : "");
  const data = (value: unknown) => (typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : "");
  const word = (value: unknown) => (typeof value === "string" ? value : "");
  const key = data(user["client-key-data"]);
  const hasToken = word(user.token) !== "" || word(user.tokenFile) !== "";
  const proxy = word(cluster["proxy-url"]);
  return {
    ...PLAIN,
    basicAuth: word(user.username)
      ? { username: word(user.username), usernameFile: "", password: new Secret(word(user.password)), passwordFile: "" }
      : undefined,
    authorization: hasToken
      ? { type: "Bearer", credentials: new Secret(word(user.token)), credentialsFile: file(user.tokenFile) }
      : undefined,
    tls: {
      ...NO_TLS,
      ca: data(cluster["certificate-authority-data"]),
      caFile: cluster["certificate-authority-data"] ? "" : file(cluster["certificate-authority"]),
      cert: data(user["client-certificate-data"]),
      certFile: user["client-certificate-data"] ? "" : file(user["client-certificate"]),
      key: key ? new Secret(key) : undefined,
      keyFile: key ? "" : file(user["client-key"]),
      serverName: word(cluster["tls-server-name"]),
      insecureSkipVerify: cluster["insecure-skip-tls-verify"] === true,
    },
    proxy: proxy ? { http: new Secret(proxy), https: new Secret(proxy), noProxy: [], connectHeaders: [] } : undefined,
  };
}

const trimSlash = (url: string): string => url.replace(/\/+$/, "");
