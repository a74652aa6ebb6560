// A flush runs through stages of one shape: each takes the group's alerts and passes on those that go further.
// An empty list ends the flush; a stage that could not do its work throws.
import type { LabelRecord, NotificationReason } from "@storewatch/model";
import type { AlertRecord } from "../alert.ts";
import type { Route } from "../config/types.ts";
import type { Delivery } from "../interface.ts";
import type { NotifiedEntry } from "../notification-log.ts";

/** An alert as it stood when the flush began: it does not resolve half-way. */
export interface FlushAlert {
  readonly alert: AlertRecord;
  readonly resolved: boolean;
  /** It changes too often; the sentence that says so. */
  readonly flapping?: string;
  /** All have been told that it is resolved, and it stays until it is known to be calm. */
  readonly held?: boolean;
}

export interface FlushContext {
  /** When the flush began. */
  readonly nowMs: number;
  readonly route: Route;
  readonly groupKey: string;
  readonly groupLabels: LabelRecord;
  /** Aborts at the end of the flush's time. */
  readonly signal: AbortSignal;
}

/** A flush's way to one integration. */
export interface DeliveryContext extends FlushContext {
  readonly delivery: Delivery;
  readonly logKey: string;
  /** What the integration was told before; set by the dedup stage. */
  entry?: NotifiedEntry;
  /** Why it is told now; set by the dedup stage. */
  reason?: NotificationReason;
  /** It was told by a digest of many groups; set by the storm stage. */
  folded?: boolean;
}

export type Stage<C extends FlushContext = FlushContext> = (
  context: C,
  alerts: readonly FlushAlert[],
) => readonly FlushAlert[] | Promise<readonly FlushAlert[]>;

export async function runStages<C extends FlushContext>(
  stages: readonly Stage<C>[],
  context: C,
  alerts: readonly FlushAlert[],
): Promise<readonly FlushAlert[]> {
  let rest = alerts;
  for (const stage of stages) {
    if (rest.length === 0) return rest;
    rest = await stage(context, rest);
  }
  return rest;
}
