/** What one tenant may write. Absent: no limit. */
export interface TenantLimitSettings {
  /** Series written within the last hour. */
  readonly activeSeries?: number;
  readonly samplesPerSecond?: number;
  /** Labels of one series, the name among them. */
  readonly labels?: number;
  /** Of a label's name or value, in bytes of UTF-8. */
  readonly labelLength?: number;
}

export interface LimitConfig {
  /** For tenants without settings of their own; each key holds on its own. */
  readonly defaults: TenantLimitSettings;
  readonly tenants: ReadonlyMap<string, TenantLimitSettings>;
}

export const NO_LIMITS: LimitConfig = { defaults: {}, tenants: new Map() };

export type LimitName = "active_series" | "samples_per_second" | "labels" | "label_length";
