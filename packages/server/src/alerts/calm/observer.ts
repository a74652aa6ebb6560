// What is worth counting of the life of alerts. Calls are synchronous and must be cheap.
import type { AlertRecord } from "../alert.ts";
import type { SuppressReason } from "../stage/mute.ts";
import type { FlushAlert } from "../stage/stage.ts";
import type { Transition } from "./transition.ts";

export interface AlertObserver {
  /** A report changed what the alert is. */
  changed(alert: AlertRecord, transitions: readonly Transition[]): void;
  /** Nobody reported it any more: it resolved by itself. May come again later with `changed`. */
  ended(alert: AlertRecord): void;
  /** At each change while it flaps, after `changed`. */
  flapping(alert: AlertRecord): void;
  suppressed(reason: SuppressReason, alerts: readonly FlushAlert[]): void;
  /** Delivered. `message`: it was a message of its own, or the digest itself. */
  told(alerts: readonly FlushAlert[], message: boolean): void;
  /** Somebody silenced them. */
  acted(alerts: readonly AlertRecord[]): void;
}

export const NO_OBSERVER: AlertObserver = {
  changed() {},
  ended() {},
  flapping() {},
  suppressed() {},
  told() {},
  acted() {},
};
