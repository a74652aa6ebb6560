// An intake with limits, over any store: what tests of protocols need.
import type { Labels } from "@storewatch/model";
import type { IntakeDependencies } from "../intake/intake.ts";
import { PushedRollups } from "../limits/pushed-rollups.ts";
import { ReceiptBook } from "../limits/receipts.ts";
import { type LimitConfig, NO_LIMITS } from "../limits/settings.ts";
import { TenantLimits } from "../limits/tenant-limits.ts";

export interface TestParts extends Omit<IntakeDependencies, "limits" | "rollups"> {
  readonly config?: LimitConfig;
  readonly activeSeries?: () => ReadonlyMap<string, number>;
  readonly isActive?: (labels: Labels) => boolean;
  readonly lastValue?: (labels: Labels) => number | undefined;
}

export function intakeParts(parts: TestParts): IntakeDependencies & { readonly receipts: ReceiptBook } {
  const { clock, metrics, metadata } = parts;
  const receipts = new ReceiptBook({ clock });
  const limits = new TenantLimits({
    config: parts.config ?? NO_LIMITS,
    clock,
    metrics,
    receipts,
    activeSeries: parts.activeSeries ?? (() => new Map()),
    isActive: parts.isActive ?? (() => false),
  });
  const rollups = new PushedRollups({
    clock,
    limits,
    typeOf: (family) => metadata.typeOf(family),
    lastValue: parts.lastValue ?? (() => undefined),
  });
  return { ...parts, limits, rollups, receipts };
}
