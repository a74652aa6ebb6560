// Firing alerts of rules with keep_firing_for, in one small file: DATA/rules/held-alerts.json, replaced when one begins
// or ceases to fire or its expression begins or ceases to hold. The series of alerts do not say since when an alert is
// only kept firing, nor what its texts were.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { replaceFile } from "../kernel/durable-file.ts";
import type { Logger } from "../kernel/logger.ts";
import type { HeldAlertFile, HeldAlerts } from "./interface.ts";

const labels = z.record(z.string(), z.string());
const fileSchema = z.object({
  format: z.literal(1),
  rules: z.array(
    z.object({
      rule: z.string(),
      alerts: z.array(
        z.object({
          labels,
          annotations: labels,
          /** As text, because JSON has no NaN and no infinity. */
          value: z.string().transform(Number),
          activeAtMs: z.number(),
          firedAtMs: z.number(),
          keepFiringSinceMs: z.number(),
        }),
      ),
    }),
  ),
});

export function createHeldAlertFile(file: string, logger: Logger): HeldAlertFile {
  let writing: Promise<void> | undefined;
  let next: HeldAlerts | undefined;

  async function write(): Promise<void> {
    while (next) {
      const alerts = next;
      next = undefined;
      try {
        await replaceFile(file, print(alerts));
      } catch (error) {
        logger.warn({ file, error: String(error) }, "alerts that are kept firing were not written");
      }
    }
    writing = undefined;
  }

  return {
    load: () => load(file, logger),
    save(alerts) {
      next = alerts;
      writing ??= write();
      return writing;
    },
  };
}

function load(file: string, logger: Logger): HeldAlerts {
  try {
    const { rules } = fileSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    return new Map(rules.map(({ rule, alerts }) => [rule, alerts]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      logger.warn({ file, error: String(error) }, "alerts that were kept firing cannot be read");
    return new Map();
  }
}

function print(alerts: HeldAlerts): string {
  const rules = [...alerts].map(([rule, list]) => ({
    rule,
    alerts: list.map((alert) => ({ ...alert, value: String(alert.value) })),
  }));
  return JSON.stringify({ format: 1, rules });
}
