// From the checked keys of a job to where its targets come from.
import path from "node:path";
import type {
  DiscoveryConfig,
  DnsRecordType,
  KubernetesAccess,
  KubernetesDiscoveryConfig,
  KubernetesRole,
} from "./config-types.ts";
import type { ScrapeFields } from "./scrape-fields.ts";
import { type Surroundings, toHttp } from "./to-http.ts";

const FILE_REFRESH_MS = 300_000;
const HTTP_REFRESH_MS = 60_000;
const DNS_REFRESH_MS = 30_000;
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export type DiscoveryFields = Pick<
  ScrapeFields,
  "static_configs" | "file_sd_configs" | "http_sd_configs" | "dns_sd_configs" | "kubernetes_sd_configs"
>;

/** Keys of kinds that are asked; the others are read, checked and reported. */
export const KNOWN_KINDS: ReadonlySet<string> = new Set<keyof DiscoveryFields>([
  "static_configs",
  "file_sd_configs",
  "http_sd_configs",
  "dns_sd_configs",
  "kubernetes_sd_configs",
]);

export function toDiscoveries(fields: DiscoveryFields, from: Surroundings): DiscoveryConfig[] {
  const groups = (fields.static_configs ?? []).map(({ targets, labels }) => ({
    targets: targets ?? [],
    labels: labels ?? {},
  }));
  return [
    { kind: "static", groups },
    ...(fields.file_sd_configs ?? []).map(({ files, refresh_interval: interval }) => ({
      kind: "file" as const,
      files: (files ?? []).map((pattern) => path.resolve(from.dir, pattern)),
      refreshIntervalMs: interval || FILE_REFRESH_MS,
    })),
    ...(fields.http_sd_configs ?? []).map((one) => ({
      kind: "http" as const,
      url: one.url ?? "",
      refreshIntervalMs: one.refresh_interval || HTTP_REFRESH_MS,
      http: toHttp(one, from),
    })),
    ...(fields.dns_sd_configs ?? []).map((one) => ({
      kind: "dns" as const,
      names: one.names ?? [],
      type: (one.type || "SRV").toUpperCase() as DnsRecordType,
      port: one.port ?? 0,
      refreshIntervalMs: one.refresh_interval || DNS_REFRESH_MS,
    })),
    ...(fields.kubernetes_sd_configs ?? []).map((one) => toKubernetes(one, from)),
  ];
}

type KubernetesFields = NonNullable<DiscoveryFields["kubernetes_sd_configs"]>[number];

function toKubernetes(fields: KubernetesFields, from: Surroundings): KubernetesDiscoveryConfig {
  return {
    kind: "kubernetes",
    role: fields.role as KubernetesRole,
    access: toAccess(fields, from),
    namespaces: fields.namespaces?.names ?? [],
    ownNamespace: fields.namespaces?.own_namespace ?? false,
    selectors: (fields.selectors ?? []).map(({ role, label, field }) => ({
      role: role as KubernetesRole,
      label: label ?? "",
      field: field ?? "",
    })),
    attachNode: fields.attach_metadata?.node ?? false,
    attachNamespace: fields.attach_metadata?.namespace ?? false,
  };
}

function toAccess(fields: KubernetesFields, from: Surroundings): KubernetesAccess {
  if (fields.kubeconfig_file) return { kind: "kubeconfig", file: path.resolve(from.dir, fields.kubeconfig_file) };
  if (fields.api_server) return { kind: "server", server: fields.api_server, http: toHttp(fields, from) };
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = from.environment;
  const name = host?.includes(":") ? `[${host}]` : host;
  return { kind: "in-cluster", server: name && `https://${name}:${port || 443}`, dir: SERVICE_ACCOUNT };
}
