// Calm: what keeps people from being told too often, and how good the alerts are.
import { z } from "zod";

const labels = z.record(z.string(), z.string());

/** An alert that changes between firing and resolved too often: told once as flapping, then again when it is calm. */
export const flappingAlertSchema = z.object({
  fingerprint: z.string(),
  labels,
  /** What it is right now. */
  state: z.enum(["firing", "resolved"]),
  sinceMs: z.number(),
  lastChangeMs: z.number(),
  /** Within the window. */
  changes: z.number().int(),
  /** Calm from then on, unless it changes again. */
  calmAtMs: z.number(),
});
export type FlappingAlert = z.infer<typeof flappingAlertSchema>;

/** Groups that one integration of a receiver is told of by one digest, instead of by a notification each. */
export const stormSchema = z.object({
  receiver: z.string(),
  /** For example "email[0]". */
  integration: z.string(),
  sinceMs: z.number(),
  /** More notifications than the limit came within the last window. */
  active: z.boolean(),
  lastDigestAtMs: z.number().nullable(),
  nextDigestAtMs: z.number().nullable(),
  digests: z.number().int(),
  /** Groups in the digest: firing ones, and those that wait for the next digest. */
  groups: z.number().int(),
  alerts: z.number().int(),
  worstSeverity: z.string(),
  /** Most alerts first, at most 20. */
  byAlertname: z.array(z.object({ name: z.string(), alerts: z.number().int() })),
  byTenant: z.array(z.object({ name: z.string(), alerts: z.number().int() })),
});
export type Storm = z.infer<typeof stormSchema>;

/** A silence that ends soon and hides alerts that still fire. */
export const expiringSilenceSchema = z.object({
  id: z.string(),
  comment: z.string(),
  createdBy: z.string(),
  /** As text: `alertname="A"`. */
  matchers: z.array(z.string()),
  endsAtMs: z.number(),
  /** Firing alerts that nothing else hides beyond its end. */
  hiddenAlerts: z.number().int(),
  /** Who will be told of them then; for credentials of all shops only, else empty. */
  receivers: z.array(z.string()),
  /** When people were reminded of this end; null = not yet, or there is nobody to remind. */
  remindedAtMs: z.number().nullable(),
});
export type ExpiringSilence = z.infer<typeof expiringSilenceSchema>;

/** GET /api/storewatch/v1/calm (viewer): what is held back now. */
export const calmSchema = z.object({
  /** As configured in storewatch.yml under alerts.calm; null = switched off. */
  settings: z.object({
    flap: z.object({ changes: z.number().int(), windowMs: z.number(), calmForMs: z.number() }).nullable(),
    storm: z.object({ notifications: z.number().int(), windowMs: z.number() }).nullable(),
    silenceReminder: z.object({ beforeMs: z.number(), receiver: z.string().nullable() }).nullable(),
    /** Whether webhooks and HTTP templates are calmed too; else machines are told everything. */
    webhooks: z.boolean(),
  }),
  /** Latest change first, at most 500. */
  flapping: z.array(flappingAlertSchema),
  flappingTotal: z.number().int(),
  /** For credentials of all shops only, else empty. */
  storms: z.array(stormSchema),
  /** The first to end first. */
  expiringSilences: z.array(expiringSilenceSchema),
});
export type Calm = z.infer<typeof calmSchema>;

/** POST /api/storewatch/v1/alerts/:fingerprint/seen (viewer): somebody opened the alert. 404: there is no such alert. */
export const alertSeenSchema = z.strictObject({
  /** More than a look: a runbook was opened, a ticket written. Creating a silence counts by itself. */
  acted: z.boolean().default(false),
});
export type AlertSeen = z.input<typeof alertSeenSchema>;

export const alertSeenResultSchema = z.object({
  fingerprint: z.string(),
  /** False: it had been seen already in this firing. */
  first: z.boolean(),
});
export type AlertSeenResult = z.infer<typeof alertSeenResultSchema>;

/** Counts of firings: one from the first report until resolved, of one alert (label set). */
export const qualityCountsSchema = z.object({
  fired: z.number().int(),
  resolved: z.number().int(),
  /** Firings that somebody was told of. */
  notified: z.number().int(),
  /** Messages that named them, repeats included. */
  messages: z.number().int(),
  silenced: z.number().int(),
  inhibited: z.number().int(),
  flapping: z.number().int(),
  /** Somebody opened the alert in the app. */
  seen: z.number().int(),
  /** Silenced by hand, or acted upon as the app was told. */
  actedUpon: z.number().int(),
  /** Resolved within 5 minutes. */
  short: z.number().int(),
  /** Of those that resolved, to about 10 %; null = none did. */
  medianDurationMs: z.number().nullable(),
});
export type QualityCounts = z.infer<typeof qualityCountsSchema>;

export const ruleQualitySchema = qualityCountsSchema.extend({
  alertname: z.string(),
  /** Shops that it fired for; alerts without a shop are not counted. */
  tenants: z.number().int(),
  lastFiredMs: z.number().nullable(),
  noise: z.object({
    /** 0 = every notification was worth it, 100 = nobody would miss it; null = too few firings to judge. */
    score: z.number().int().nullable(),
    level: z.enum(["unknown", "quiet", "fair", "noisy", "very-noisy"]),
    /** One or two sentences. */
    words: z.string(),
    /** What could be done; empty = nothing. */
    advice: z.string(),
  }),
});
export type RuleQuality = z.infer<typeof ruleQualitySchema>;

/** GET /api/storewatch/v1/alert-quality?range=30d (viewer; the caller's shops only). Range: 1d to 90d, whole UTC days. */
export const alertQualitySchema = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  /** Nothing was recorded before; null = nothing yet. */
  recordedSinceMs: z.number().nullable(),
  /** The noisiest first. */
  rules: z.array(ruleQualitySchema),
  totals: qualityCountsSchema,
});
export type AlertQuality = z.infer<typeof alertQualitySchema>;
