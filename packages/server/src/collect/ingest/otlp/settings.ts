import type { TranslationStrategy } from "./names.ts";

/** The `otlp` section of the Prometheus file. */
export interface OtlpSettings {
  readonly strategy: TranslationStrategy;
  /** Resource attributes that become labels of every series; "all" but the ignored. */
  readonly promote: readonly string[] | "all";
  readonly ignore: readonly string[];
  /** service.name and the like also stand in target_info. */
  readonly keepIdentifying: boolean;
  /** Classic histograms become native ones with custom buckets. */
  readonly nhcb: boolean;
  readonly promoteScope: boolean;
}

export const DEFAULT_OTLP_SETTINGS: OtlpSettings = {
  strategy: "UnderscoreEscapingWithSuffixes",
  promote: [],
  ignore: [],
  keepIdentifying: false,
  nhcb: false,
  promoteScope: false,
};
