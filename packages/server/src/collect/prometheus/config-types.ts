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
  /** From storage.tsdb.retention, where given. */
  readonly retentionMs: number | undefined;
  /** What the file asks for and Storewatch does not do: errors stop a start, warnings do not. */
  readonly unsupported: readonly Finding[];
  readonly otlp: OtlpSettings;
}

/** External Alertmanagers that are asked alike. */
export interface AlertmanagerConfig {
  readonly scheme: string;
  /** Before /api/v2/alerts; begins with a slash, or empty. */
  readonly pathPrefix: string;
  readonly timeoutMs: number;
  readonly http: HttpClientConfig;
  readonly staticGroups: readonly TargetGroup[];
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
  readonly staticGroups: readonly TargetGroup[];
  readonly fileDiscovery: readonly FileDiscoveryConfig[];
  readonly relabel: readonly RelabelConfig[];
  readonly metricRelabel: readonly RelabelConfig[];
  readonly tenants: TenantScope;
}

/** Addresses that share labels. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface FileDiscoveryConfig {
  /** Absolute patterns. */
  readonly files: readonly string[];
  readonly refreshIntervalMs: number;
}

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
  readonly tls: TlsClientConfig;
  readonly followRedirects: boolean;
  readonly headers: readonly HttpHeaderConfig[];
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
