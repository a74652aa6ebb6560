// Wording and transport. A receiver never sees routing; alerts/ decides who is told, when, grouped how.
import type { NotificationData } from "@storewatch/model";

/** One integration of a receiver (its second Slack channel is another). `createNotifier` adds retries and the log. */
export interface Integration {
  /** For example "slack", "email", "webhook". */
  readonly kind: string;
  readonly index: number;
  readonly sendResolved: boolean;
  /** Per-attempt time limit, 0 = the default. */
  readonly timeoutMs: number;
  /** False: each notification may go elsewhere (a URL made by a template), so that one failure says nothing of the next. */
  readonly fixedTarget?: boolean;
  /** Nothing can be sent by it in this version. */
  readonly isUnsupported?: boolean;
  /** Where it goes, secrets masked. */
  describe?(): Promise<string>;
  /** One attempt. Never throws: tells what happened. */
  send(data: NotificationData, signal: AbortSignal): Promise<DeliveryResult>;
}

export type DeliveryResult =
  | { readonly outcome: "delivered"; readonly record: DeliveryRecord }
  | {
      readonly outcome: "retry";
      readonly reason: string;
      readonly retryAfterMs?: number;
      /** The service is well and asks us to slow down. */
      readonly limited?: boolean;
      readonly record: DeliveryRecord;
    }
  | { readonly outcome: "failed"; readonly reason: string; readonly record: DeliveryRecord };

/** What was sent where and what came back, secrets masked: shown in the web app. */
export interface DeliveryRecord {
  /** For example "mail to oncall@…", "POST http://…/hook". */
  readonly target: string;
  readonly subject: string;
  readonly body: string;
  readonly answer: string;
}
