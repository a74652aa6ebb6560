// Who is told of an alert, and what a silence would hide: before it happens.
import { z } from "zod";

const labels = z.record(z.string(), z.string());

const timings = {
  groupWaitMs: z.number(),
  groupIntervalMs: z.number(),
  repeatIntervalMs: z.number(),
};

const intervalState = z.object({
  name: z.string(),
  /** It is that time now (or at the time asked for). */
  holds: z.boolean(),
});

/** A node of the routing tree with everything inherited. */
export const routeNodeSchema = z.object({
  /** "0" is the root, "0.2" its third child, "0.2.0" the first one below that. */
  id: z.string(),
  parent: z.string().nullable(),
  /** 0 = the root. */
  depth: z.number().int(),
  children: z.array(z.string()),
  /** As text: `severity="critical"`. The root has none. */
  matchers: z.array(z.string()),
  receiver: z.string(),
  /** null = by all labels (`...`). */
  groupBy: z.array(z.string()).nullable(),
  ...timings,
  continue: z.boolean(),
  muteTimeIntervals: z.array(intervalState),
  activeTimeIntervals: z.array(intervalState),
  /** By its time intervals: nobody is told through this node now. */
  mutedNow: z.boolean(),
  /** Alerts that this very node handles now. */
  counts: z.object({
    groups: z.number().int(),
    alerts: z.number().int(),
    /** Of those: silenced, inhibited or muted. */
    suppressed: z.number().int(),
  }),
});
export type RouteNode = z.infer<typeof routeNodeSchema>;

/** GET /api/storewatch/v1/routing (viewer of all shops). */
export const routingTreeSchema = z.object({
  /** Depth first, in the order of the file: a parent stands before its children. */
  nodes: z.array(routeNodeSchema),
  receivers: z.array(
    z.object({
      name: z.string(),
      /** For example "slack[0]"; empty = nobody is told. */
      integrations: z.array(z.string()),
      /** Alerts that it is (or will be) told of. */
      alerts: z.number().int(),
    }),
  ),
});
export type RoutingTree = z.infer<typeof routingTreeSchema>;

/** POST /api/storewatch/v1/routing/test (viewer of all shops; changes nothing). */
export const routingTestSchema = z.strictObject({
  labels: z
    .record(z.string().min(1).max(500), z.string().max(10_000))
    .refine((record) => Object.keys(record).length <= 200, "at most 200 labels"),
  /** For time intervals and silences: when. Default: now. */
  atMs: z.number().optional(),
});
export type RoutingTest = z.infer<typeof routingTestSchema>;

export const visitedNodeSchema = z.object({
  id: z.string(),
  parent: z.string().nullable(),
  depth: z.number().int(),
  receiver: z.string(),
  matched: z.boolean(),
  /** Each matcher, and whether it held. */
  matchers: z.array(z.object({ text: z.string(), matched: z.boolean() })),
  /** It handles the alert: it matched and none of its children did. */
  chosen: z.boolean(),
  continue: z.boolean(),
  /** What happened here, in words. */
  words: z.string(),
});
export type VisitedNode = z.infer<typeof visitedNodeSchema>;

export const routingStepSchema = z.object({
  /** The node. */
  id: z.string(),
  receiver: z.string(),
  /** For example "slack[0]"; empty = nobody is told. */
  integrations: z.array(z.string()),
  groupKey: z.string(),
  groupLabels: labels,
  groupBy: z.array(z.string()).nullable(),
  ...timings,
  muteTimeIntervals: z.array(intervalState),
  activeTimeIntervals: z.array(intervalState),
  mutedBy: z.array(z.string()),
  /** Firing alerts in that group now; null = it would be a new group. */
  groupAlerts: z.number().int().nullable(),
  /** "told" in this way, or why not. */
  outcome: z.enum(["told", "silenced", "inhibited", "muted", "nobody"]),
});
export type RoutingStep = z.infer<typeof routingStepSchema>;

export const routingTestResultSchema = z.object({
  atMs: z.number(),
  /** As routed: empty ones dropped. */
  labels,
  fingerprint: z.string(),
  /** Nodes that were looked at, in order. */
  path: z.array(visitedNodeSchema),
  /** In order; one receiver may stand here twice. */
  receivers: z.array(routingStepSchema),
  silencedBy: z.array(
    z.object({
      id: z.string(),
      matchers: z.array(z.string()),
      createdBy: z.string(),
      comment: z.string(),
      endsAtMs: z.number(),
    }),
  ),
  inhibitedBy: z.array(z.object({ fingerprint: z.string(), labels })),
  /** The whole answer in a sentence. */
  words: z.string(),
});
export type RoutingTestResult = z.infer<typeof routingTestResultSchema>;

/** POST /api/storewatch/v1/silences/preview (viewer; changes nothing; the caller's shops only). */
export const silencePreviewRequestSchema = z.strictObject({
  matchers: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(500),
        value: z.string().max(10_000),
        isRegex: z.boolean().default(false),
        isEqual: z.boolean().default(true),
      }),
    )
    .min(1)
    .max(100),
  /** The silence that is being edited: what it hides already does not count as hidden. */
  id: z.string().max(100).optional(),
});
export type SilencePreviewRequest = z.input<typeof silencePreviewRequestSchema>;

export const silencePreviewSchema = z.object({
  /** Alerts that it would hide now, at most 200: those that are not hidden yet first. */
  alerts: z.array(
    z.object({
      fingerprint: z.string(),
      labels,
      annotations: labels,
      startsAtMs: z.number(),
      state: z.enum(["active", "suppressed"]),
      /** Other silences that hide it already. */
      silencedBy: z.array(z.string()),
      /** Empty for credentials of some shops. */
      receivers: z.array(z.string()),
    }),
  ),
  total: z.number().int(),
  /** Of `total`: told to people at present. */
  newlyHidden: z.number().int(),
  /** Alerts that fire now (of the caller's shops). */
  firing: z.number().int(),
  /** total / firing; 0 without alerts. */
  share: z.number(),
  byAlertname: z.array(z.object({ name: z.string(), alerts: z.number().int() })),
  byTenant: z.array(z.object({ name: z.string(), alerts: z.number().int() })),
  bySeverity: z.array(z.object({ name: z.string(), alerts: z.number().int() })),
  /** Who would hear less; empty for credentials of some shops. */
  receivers: z.array(
    z.object({
      name: z.string(),
      hidden: z.number().int(),
      /** Alerts that it would still be told of. */
      left: z.number().int(),
    }),
  ),
  /** What to think about before saving. `refused`: saving would not work. */
  warnings: z.array(
    z.object({
      code: z.enum(["refused", "everything", "large-share", "all-shops", "critical", "watchdog", "nothing"]),
      severity: z.enum(["error", "warning", "info"]),
      message: z.string(),
    }),
  ),
});
export type SilencePreview = z.infer<typeof silencePreviewSchema>;
