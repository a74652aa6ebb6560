// What a Prometheus file comes down to for collecting. Times in ms, sizes in bytes, file names absolute.

import type { Finding, Labels, TenantScope } from "@storewatch/model";
import type { OtlpSettings } from "../ingest/otlp/settings.ts";
import type { NameScheme, RelabelConfig } from "../relabel.ts";
import type { Negotiation } from "../scrape/content.ts";
import type { HistogramLimits } from "../scrape/histogram-limits.ts";
import type { HistogramOptions } from "../scrape/page-parser.ts";
import type { LabelLimits } from "../scrape/series-resolver.ts";
import type { Secret } from "./secret.ts";

export interface PrometheusConfig {
  readonly file: string;
  readonly global: {
    readonly evaluationIntervalMs: number;
    readonly ruleQueryOffsetMs: number;
    /** For alerts and federation; they are not put on stored series. */
    readonly externalLabels: Labels;
  };
  /** Absolute patterns; `findRuleFiles` gives the files. */
  readonly ruleFiles: readonly string[];
  readonly scrapeConfigs: readonly ScrapeConfig[];
  /** Where alerts of rules go besides our own routes. */
  readonly alertmanagers: readonly AlertmanagerConfig[];
  /** For every alert on its way to any of them. */
  readonly alertRelabel: readonly RelabelConfig[];
  /** Where samples go besides the own store. */
  readonly remoteWrites: readonly RemoteWriteConfig[];
  /** What the file asks for and Storewatch does not do: errors stop a start, warnings do not. */
  readonly unsupported: readonly Finding[];
  readonly otlp: OtlpSettings;
}

/** A receiver of remote write. */
export interface RemoteWriteConfig {
  /** As given, or made of the rest: tells remotes apart in metrics and logs. */
  readonly name: string;
  /** May hold a password. */
  readonly url: Secret;
  readonly timeoutMs: number;
  readonly http: HttpClientConfig;
  readonly headers: Readonly<Record<string, string>>;
  readonly version: "1.0" | "2.0";
  readonly relabel: readonly RelabelConfig[];
  readonly nameScheme: NameScheme;
  readonly sendExemplars: boolean;
  readonly sendNativeHistograms: boolean;
  readonly queue: RemoteQueueConfig;
  readonly metadata: { readonly send: boolean; readonly intervalMs: number; readonly perSendMax: number };
}

export interface RemoteQueueConfig {
  /** Samples that are read ahead, for each shard. */
  readonly capacity: number;
  readonly shardsMax: number;
  readonly shardsMin: number;
  readonly samplesPerSendMax: number;
  readonly sendDeadlineMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly retryOn429: boolean;
  /** Older samples are not sent; 0: all are. */
  readonly sampleAgeLimitMs: number;
}

/** External Alertmanagers that are asked alike. */
export interface AlertmanagerConfig {
  readonly scheme: string;
  /** Before /api/v2/alerts; begins with a slash, or empty. */
  readonly pathPrefix: string;
  readonly timeoutMs: number;
  readonly http: HttpClientConfig;
  readonly discoveries: readonly DiscoveryConfig[];
  /** Of the targets: `__address__`, `__scheme__`, `__alerts_path__`. */
  readonly relabel: readonly RelabelConfig[];
  readonly alertRelabel: readonly RelabelConfig[];
  readonly nameScheme: NameScheme;
}

export interface ScrapeConfig {
  readonly jobName: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly scheme: string;
  readonly metricsPath: string;
  readonly params: Readonly<Record<string, readonly string[]>>;
  readonly honorLabels: boolean;
  readonly honorTimestamps: boolean;
  readonly trackTimestampsStaleness: boolean;
  readonly enableCompression: boolean;
  readonly extraScrapeMetrics: boolean;
  /** 0 means no limit, in each. */
  readonly limits: LabelLimits & {
    readonly bodyBytes: number;
    readonly samples: number;
    readonly targets: number;
    readonly keepDroppedTargets: number;
  };
  readonly nameScheme: NameScheme;
  readonly negotiation: Negotiation;
  readonly histograms: HistogramOptions;
  readonly histogramLimits: HistogramLimits;
  readonly http: HttpClientConfig;
  readonly discoveries: readonly DiscoveryConfig[];
  readonly relabel: readonly RelabelConfig[];
  readonly metricRelabel: readonly RelabelConfig[];
  readonly tenants: TenantScope;
}

/** Addresses that share labels. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Where targets come from: one of the kinds in discovery/registry.ts. */
export type DiscoveryConfig =
  | StaticDiscoveryConfig
  | FileDiscoveryConfig
  | HttpDiscoveryConfig
  | DnsDiscoveryConfig
  | KubernetesDiscoveryConfig;

export interface StaticDiscoveryConfig {
  readonly kind: "static";
  readonly groups: readonly TargetGroup[];
}

export interface FileDiscoveryConfig {
  readonly kind: "file";
  /** Absolute patterns. */
  readonly files: readonly string[];
  readonly refreshIntervalMs: number;
}

export interface HttpDiscoveryConfig {
  readonly kind: "http";
  readonly url: string;
  readonly refreshIntervalMs: number;
  readonly http: HttpClientConfig;
}

export type DnsRecordType = "A" | "AAAA" | "SRV" | "MX" | "NS";

export interface DnsDiscoveryConfig {
  readonly kind: "dns";
  readonly names: readonly string[];
  readonly type: DnsRecordType;
  /** Not of SRV records, which have their own. */
  readonly port: number;
  readonly refreshIntervalMs: number;
}

export type KubernetesRole = "node" | "pod" | "service" | "endpoints" | "endpointslice" | "ingress";

export interface KubernetesDiscoveryConfig {
  readonly kind: "kubernetes";
  readonly role: KubernetesRole;
  readonly access: KubernetesAccess;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** The namespace that Storewatch itself runs in, besides those above. */
  readonly ownNamespace: boolean;
  readonly selectors: ReadonlyArray<{ readonly role: KubernetesRole; readonly label: string; readonly field: string }>;
  readonly attachNode: boolean;
  readonly attachNamespace: boolean;
}

export type KubernetesAccess =
  /** `server` is undefined outside of a cluster; `dir` holds token, ca.crt and namespace. */
  | { readonly kind: "in-cluster"; readonly server: string | undefined; readonly dir: string }
  | { readonly kind: "kubeconfig"; readonly file: string }
  | { readonly kind: "server"; readonly server: string; readonly http: HttpClientConfig };

/** File names are absolute. */
export interface HttpClientConfig {
  readonly basicAuth:
    | {
        readonly username: string;
        readonly usernameFile: string;
        readonly password: Secret | undefined;
        readonly passwordFile: string;
      }
    | undefined;
  readonly authorization:
    | { readonly type: string; readonly credentials: Secret | undefined; readonly credentialsFile: string }
    | undefined;
  readonly oauth2: OAuth2ClientConfig | undefined;
  readonly tls: TlsClientConfig;
  readonly proxy: ProxyClientConfig | undefined;
  readonly followRedirects: boolean;
  readonly headers: readonly HttpHeaderConfig[];
}

/** Client credentials. */
export interface OAuth2ClientConfig {
  readonly clientId: string;
  readonly secret: Secret | undefined;
  readonly secretFile: string;
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  readonly endpointParams: Readonly<Record<string, string>>;
  /** For the token server; nothing is taken over from the section around it. */
  readonly tls: TlsClientConfig;
  readonly proxy: ProxyClientConfig | undefined;
}

export interface ProxyClientConfig {
  /** URLs, which may hold a password, by the scheme of what is asked. */
  readonly http: Secret | undefined;
  readonly https: Secret | undefined;
  readonly noProxy: readonly string[];
  /** For the proxy only. */
  readonly connectHeaders: ReadonlyArray<{ readonly name: string; readonly values: readonly Secret[] }>;
}

export interface HttpHeaderConfig {
  readonly name: string;
  readonly values: readonly string[];
  readonly secrets: readonly Secret[];
  readonly files: readonly string[];
}

export interface TlsClientConfig {
  readonly ca: string;
  readonly caFile: string;
  readonly cert: string;
  readonly certFile: string;
  readonly key: Secret | undefined;
  readonly keyFile: string;
  readonly serverName: string;
  readonly insecureSkipVerify: boolean;
  readonly minVersion: TlsVersion | undefined;
  readonly maxVersion: TlsVersion | undefined;
}

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
