import type { LabelRecord } from "./labels.ts";

/**
 * An alert on its way from a rule (or a foreign Prometheus) to the notification side. Times in ms since the epoch.
 * `endsAtMs` in the past means resolved; for a firing alert it is when it resolves unless it is sent again
 * (undefined: the receiver's resolve_timeout decides).
 */
export interface PostableAlert {
  readonly labels: LabelRecord;
  readonly annotations: LabelRecord;
  readonly startsAtMs?: number;
  readonly endsAtMs?: number;
  readonly generatorUrl?: string;
  /** When the data that changed this alert's state arrived: for the latency measure. */
  readonly arrivedAtMs?: number;
}

/** Where rules hand their alerts over. Returns when they are taken (durable where the sink is). */
export type AlertSink = (alerts: readonly PostableAlert[]) => Promise<void> | void;

/** One alert within a notification. */
export interface NotifiedAlert {
  readonly status: "firing" | "resolved";
  readonly labels: LabelRecord;
  readonly annotations: LabelRecord;
  readonly startsAtMs: number;
  /** 0 while firing. */
  readonly endsAtMs: number;
  readonly generatorUrl: string;
  /** 16 hex digits: FNV-1a 64 over the sorted labels. */
  readonly fingerprint: string;
}

/** What templates and receivers see: one group of alerts for one receiver. */
export interface NotificationData {
  readonly receiver: string;
  readonly status: "firing" | "resolved";
  readonly alerts: readonly NotifiedAlert[];
  readonly groupLabels: LabelRecord;
  readonly commonLabels: LabelRecord;
  readonly commonAnnotations: LabelRecord;
  readonly externalUrl: string;
  readonly groupKey: string;
  readonly truncatedAlerts: number;
  /** Of the route that led here; none when left out. */
  readonly routeLabels?: LabelRecord;
  /** Why it is sent now; the first notification when left out. */
  readonly reason?: NotificationReason;
}

/** As Alertmanager words it. */
export type NotificationReason =
  | "first notification"
  | "new alerts added"
  | "some alerts resolved"
  | "all alerts resolved"
  | "repeat interval elapsed";
