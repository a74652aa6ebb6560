// alerts.calm of storewatch.yml: how people are kept from being told too often.
import { formatDurationMs, parseDurationMs } from "@storewatch/model";
import { z } from "zod";

/** Durations in ms. */
export interface CalmConfig {
  /** undefined = off. More than `changes` within `windowMs` is flapping, until no change comes for `calmForMs`. */
  readonly flap: { readonly changes: number; readonly windowMs: number; readonly calmForMs: number } | undefined;
  /** undefined = off. So many notifications of an integration within `windowMs`, the rest in one digest. */
  readonly storm: { readonly notifications: number; readonly windowMs: number } | undefined;
  /** undefined = off. Without a receiver: those who would have been told. */
  readonly silenceReminder: { readonly beforeMs: number; readonly receiver: string | undefined } | undefined;
  /** Whether machines (webhook, http) are calmed as well as people. */
  readonly webhooks: boolean;
}

function duration(atLeast: string, atMost: string) {
  const [min, max] = [atLeast, atMost].map((text) => parseDurationMs(text) ?? 0);
  return z.string().transform((text, context) => {
    const ms = parseDurationMs(text);
    if (ms !== undefined && ms >= min && ms <= max) return ms;
    context.addIssue({ code: "custom", message: `expected a duration from ${atLeast} to ${formatDurationMs(max)}` });
    return z.NEVER;
  });
}

const enabled = z.boolean().default(true);

export const calmSchema = z.strictObject({
  flap: z
    .strictObject({
      enabled: enabled.describe(
        "An alert that changes between firing and resolved too often is told once as flapping, and again when it is calm.",
      ),
      changes: z.int().min(2).max(100).default(4).describe("More changes than these within the window are flapping."),
      window: duration("1m", "1d").prefault("15m").describe("In which the changes are counted."),
      calm_for: duration("1m", "1d").prefault("15m").describe("Calm when it has not changed for so long."),
    })
    .prefault({}),
  storm: z
    .strictObject({
      enabled: enabled.describe(
        "When an integration of a receiver would get too many notifications, the rest comes in one digest.",
      ),
      notifications: z.int().min(1).max(10_000).default(20).describe("So many are sent within the window."),
      window: duration("10s", "1h").prefault("1m").describe("In which notifications are counted."),
    })
    .prefault({}),
  silence_reminder: z
    .strictObject({
      enabled: enabled.describe("People are reminded of a silence that ends soon and still hides firing alerts."),
      before: duration("1m", "1d")
        .prefault("15m")
        .describe("How long before its end; at most a quarter of the silence's length."),
      receiver: z
        .string()
        .min(1)
        .optional()
        .describe("A receiver of the Alertmanager file. Without it: those who would have been told of the alerts."),
    })
    .prefault({}),
  webhooks: z
    .boolean()
    .default(false)
    .describe("Calm `webhook_configs` and `http_configs` too. They are read by machines, which are told everything."),
});

export function toCalmConfig(read: z.output<typeof calmSchema>): CalmConfig {
  const { flap, storm, silence_reminder: reminder, webhooks } = read;
  return {
    flap: flap.enabled ? { changes: flap.changes, windowMs: flap.window, calmForMs: flap.calm_for } : undefined,
    storm: storm.enabled ? { notifications: storm.notifications, windowMs: storm.window } : undefined,
    silenceReminder: reminder.enabled ? { beforeMs: reminder.before, receiver: reminder.receiver } : undefined,
    webhooks,
  };
}

export const CALM_DEFAULTS: CalmConfig = toCalmConfig(calmSchema.parse({}));
export const CALM_OFF: CalmConfig = {
  flap: undefined,
  storm: undefined,
  silenceReminder: undefined,
  webhooks: false,
};
