// How long samples are kept: by age and by size, for each class of shops. All keys belong to `metrics`.
import { parseDurationMs } from "@storewatch/model";
import { z } from "zod";

/** How long one class is kept. Times in ms; 0: no intervals of that length are made. */
export interface RetentionConfig {
  readonly name: string;
  readonly timeMs: number;
  readonly fiveMinutesMs: number;
  readonly oneHourMs: number;
  readonly sizeBytes: number | undefined;
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

/** Prometheus' spelling, base 1024: `512MB`. Undefined when it is none. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)(B|KB|MB|GB|TB)$/.exec(text);
  return match ? Math.floor(Number(match[1]) * UNITS[match[2]]) : undefined;
}

export const MIN_RETENTION_MS = 3_600_000;
export const DEFAULT_CLASS = "default";

const duration = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: "custom", message: "expected a duration such as 30d or 12h" });
  return z.NEVER;
});
const size = z.string().transform((text, context) => {
  const bytes = parseByteSize(text);
  if (bytes !== undefined && bytes >= 2 ** 20) return bytes;
  context.addIssue({ code: "custom", message: "expected a size of at least 1MB, such as 512MB or 50GB" });
  return z.NEVER;
});

const downsampling = z.strictObject({
  "5m": duration
    .optional()
    .describe("How long intervals of 5 minutes are kept; `0`: none are made. Default: as long as samples."),
  "1h": duration
    .optional()
    .describe("How long intervals of an hour are kept; `0`: none are made. Default: as long as samples."),
});

const retentionClass = z.strictObject({
  retention: duration.describe("How long samples of shops in this class are kept, at least `1h`. Needed."),
  size: size.optional().describe("The oldest blocks of the class go while they take more than this: `10GB`."),
  downsampling: downsampling.optional(),
});

/** Keys beside `metrics.retention`. */
export const retentionKeys = {
  retention_size: size
    .optional()
    .describe("The oldest blocks of all go while blocks and log take more than this: `50GB`. Base 1024."),
  downsampling: downsampling
    .optional()
    .describe("What long range queries read instead of samples, and what may be kept longer than those."),
  retention_classes: z
    .record(
      z
        .string()
        .regex(/^[a-z][a-z0-9_-]{0,31}$/, "expected a name of lower-case letters, digits, `_`, `-`")
        .refine((name) => name !== DEFAULT_CLASS, "`default` is what metrics.retention says"),
      retentionClass,
    )
    .default({})
    .describe("Classes by name, which `tenants[].retention` names; shops without one are kept for `retention`."),
};

export function toRetention(
  name: string,
  read: {
    readonly retention: number;
    readonly size?: number;
    readonly downsampling?: { readonly "5m"?: number; readonly "1h"?: number };
  },
): RetentionConfig {
  return {
    name,
    timeMs: read.retention,
    fiveMinutesMs: read.downsampling?.["5m"] ?? read.retention,
    oneHourMs: read.downsampling?.["1h"] ?? read.retention,
    sizeBytes: read.size,
  };
}
