// Rules that people keep in Storewatch, and what a rule would have done: /api/storewatch/v1/rule-groups and
// /api/storewatch/v1/rule-preview. The state of all rules is at Prometheus' own /api/v1/rules.
import { z } from "zod";

const labels = z.record(z.string(), z.string());

/** A `Finding` of the text that was sent; `file` is "" when it is about that text. */
export const ruleFindingSchema = z.object({
  code: z.string(),
  severity: z.enum(["error", "warning", "info"]),
  file: z.string(),
  line: z.number().int(),
  column: z.number().int(),
  message: z.string(),
  why: z.string().optional(),
  fix: z.string().optional(),
});
export type RuleFinding = z.infer<typeof ruleFindingSchema>;

const groupHead = {
  name: z.string(),
  /** Kept in Storewatch and editable here, or read from a rule file of the operator (or of the product). */
  origin: z.enum(["stored", "file"]),
  /** The rule file, as in /api/v1/rules. */
  file: z.string(),
  /** Of a stored group: changes with every change of its text. null for a group from a file. */
  version: z.string().nullable(),
  rules: z.number().int().describe("Number of rules"),
  updatedAtMs: z.number().nullable(),
};

/** GET /api/storewatch/v1/rule-groups (a credential for all shops). */
export const ruleGroupHeadSchema = z.object(groupHead);
export type RuleGroupHead = z.infer<typeof ruleGroupHeadSchema>;

export const ruleGroupListSchema = z.object({
  groups: z.array(ruleGroupHeadSchema),
  /** What is wrong with files in the folder of stored groups, which are then left out. */
  problems: z.array(ruleFindingSchema),
});
export type RuleGroupList = z.infer<typeof ruleGroupListSchema>;

/** GET /api/storewatch/v1/rule-groups/:name; the answer's ETag is the version. */
export const ruleGroupSchema = z.object({
  ...groupHead,
  /** A standard rule file with this one group. Of a stored group exactly the text that was saved. */
  yaml: z.string(),
  /** Warnings and remarks about it. */
  findings: z.array(ruleFindingSchema),
});
export type RuleGroupDetail = z.infer<typeof ruleGroupSchema>;

/**
 * PUT /api/storewatch/v1/rule-groups/:name (editor for all shops): creates (201) or replaces (200); answers with
 * `RuleGroupDetail`. 409 the name is taken by a group from a file, 412 `version` is not the stored one, 422 `RuleRefusal`.
 * DELETE takes the version as If-Match (or ?version=); GET …/rule-groups-export answers with all as one rule file.
 */
export const ruleGroupPutSchema = z.strictObject({
  /** A standard rule file with exactly one group, whose name is the one in the path. At most 1 MiB. */
  yaml: z.string().max(1 << 20),
  /** The version that was edited; null = there must be none yet. Left out (and no If-Match): whatever is there. */
  version: z.string().max(64).nullable().optional(),
});
export type RuleGroupPut = z.infer<typeof ruleGroupPutSchema>;

/** Body of 422 answers of PUT rule-groups and POST rule-preview. */
export const ruleRefusalSchema = z.object({
  error: z.object({ code: z.literal("RULES_INVALID"), message: z.string(), hint: z.string().optional() }),
  findings: z.array(ruleFindingSchema),
});
export type RuleRefusal = z.infer<typeof ruleRefusalSchema>;

/** POST /api/storewatch/v1/rule-preview (viewer; sees the data of the caller's shops only). */
export const rulePreviewRequestSchema = z.strictObject({
  /** A rule file, one group, or one rule, as YAML. Instead of it: the parts of one rule below. */
  yaml: z
    .string()
    .max(1 << 20)
    .optional(),
  /** Which rule of `yaml`, from 0, counted over all groups. */
  rule: z.number().int().min(0).default(0),
  alert: z.string().max(1024).optional(),
  record: z.string().max(1024).optional(),
  expr: z.string().max(100_000).optional(),
  /** Prometheus durations. */
  for: z.string().max(32).optional(),
  keepFiringFor: z.string().max(32).optional(),
  interval: z.string().max(32).optional(),
  labels: labels.optional(),
  annotations: labels.optional(),
  /** How far back; at most 31 days. */
  rangeMs: z
    .number()
    .min(60_000)
    .max(31 * 86_400_000)
    .default(6 * 3_600_000),
  /** Default: now. */
  endMs: z.number().optional(),
});
export type RulePreviewRequest = z.input<typeof rulePreviewRequestSchema>;

export const previewIntervalSchema = z.object({
  state: z.enum(["pending", "firing"]),
  fromMs: z.number(),
  /** The evaluation at which the state ended; the end of the range while it lasts. */
  toMs: z.number(),
  /** Lasts at the end of the range. */
  open: z.boolean(),
});
export type PreviewInterval = z.infer<typeof previewIntervalSchema>;

export const rulePreviewSchema = z.object({
  type: z.enum(["alerting", "recording"]),
  name: z.string(),
  fromMs: z.number(),
  toMs: z.number(),
  /** Between two evaluations of the preview: the group's interval, or longer over a long range. */
  stepMs: z.number(),
  intervalMs: z.number(),
  forMs: z.number(),
  keepFiringForMs: z.number(),
  /** The value beside its threshold: the left side of the comparison where there is one, else the expression itself. */
  series: z.array(
    z.object({
      labels,
      /** [time ms, value]; NaN and ±Inf as null. */
      points: z.array(z.tuple([z.number(), z.number().nullable()])),
    }),
  ),
  /** How many there are; `series` holds at most 50. */
  seriesTotal: z.number().int(),
  threshold: z.object({ operator: z.enum([">", ">=", "<", "<=", "==", "!="]), value: z.number() }).nullable(),
  /** As evaluated. */
  expression: z.string(),
  /** By label set, those that fire (or fired) the longest first; at most 200. Empty for a recording rule. */
  alerts: z.array(z.object({ labels, intervals: z.array(previewIntervalSchema) })),
  alertsTotal: z.number().int(),
  /** How often an alert would have begun to fire, over all label sets: the mails of that time. */
  firings: z.number().int(),
  /** Label sets that fire at the end of the range. */
  firingNow: z.number().int(),
  pendingNow: z.number().int(),
  /** The newest alert that fired (or, without one, was pending) with its texts as a receiver would get them. */
  lastFiring: z
    .object({
      state: z.enum(["pending", "firing"]),
      atMs: z.number(),
      value: z.number().nullable(),
      labels,
      annotations: labels,
    })
    .nullable(),
  /** Warnings about the text, of PromQL, and where the rule failed within the range. */
  findings: z.array(ruleFindingSchema),
  cost: z.object({
    /** Of the preview's queries. */
    durationMs: z.number(),
    samples: z.number(),
    evaluations: z.number().int(),
    /** One evaluation at the end of the range, as the rule engine would do it. */
    evaluationMs: z.number(),
  }),
});
export type RulePreview = z.infer<typeof rulePreviewSchema>;
