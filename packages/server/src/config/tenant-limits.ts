// What a shop may write: `tenant_limits` for all of them, `tenants[].limits` for one.
import { z } from "zod";

/** Absent: no limit. */
export interface TenantLimitKeys {
  readonly activeSeries?: number;
  readonly samplesPerSecond?: number;
  readonly labels?: number;
  readonly labelLength?: number;
}

const count = (max: number) => z.number().int().min(1).max(max).optional();

export const tenantLimitsSchema = z.strictObject({
  active_series: count(1e9).describe(
    "Series of a shop that are written to within an hour. New ones beyond it become part of the shop's `__other__` series.",
  ),
  samples_per_second: count(1e9).describe(
    "Samples of a shop per second. Pushed ones beyond it are refused with 429; scraped series that would exceed it become part of `__other__`.",
  ),
  labels: count(1000).describe("Labels of one series, its name among them. Series with more are refused."),
  label_length: count(65_536).describe("Bytes of one label name or value. Series with longer ones are refused."),
});

export function toTenantLimits(keys: z.infer<typeof tenantLimitsSchema>): TenantLimitKeys {
  const limits = {
    activeSeries: keys.active_series,
    samplesPerSecond: keys.samples_per_second,
    labels: keys.labels,
    labelLength: keys.label_length,
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
