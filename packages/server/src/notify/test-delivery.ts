// The test button: one attempt by the real integration, with a made-up alert.
import { randomUUID } from "node:crypto";
import { type Clock, type NotificationData, sleep } from "@storewatch/model";
import type { ReceiverTestResult } from "@storewatch/model/api";
import { entryOf } from "./deliver.ts";
import type { DeliveryLog } from "./delivery-log.ts";
import type { Way } from "./health.ts";
import type { DeliveryResult, Integration } from "./interface.ts";

/** Somebody waits for the answer. */
const ATTEMPT_MS = 20_000;

export interface SampleOptions {
  readonly receiver: string;
  readonly status: "firing" | "resolved";
  readonly externalUrl: string;
  readonly nowMs: number;
}

/** No shop's label: it is nobody's alert. The same group each time, so that "resolved" ends what "firing" began. */
export function sampleNotification({ receiver, status, externalUrl, nowMs }: SampleOptions): NotificationData {
  const labels = { alertname: "StorewatchTest", receiver, severity: "info" };
  const annotations = {
    summary: `Test of the receiver ${receiver}`,
    description: "Somebody pressed the test button in Storewatch. Nothing is wrong, and nothing is to be done.",
  };
  return {
    receiver,
    status,
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAtMs: nowMs - (status === "resolved" ? 60_000 : 0),
        endsAtMs: status === "resolved" ? nowMs : 0,
        generatorUrl: `${externalUrl}/alerts`,
        fingerprint: "0000000000000000",
      },
    ],
    groupLabels: { alertname: labels.alertname },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalUrl,
    groupKey: `{}/test:{receiver=${JSON.stringify(receiver)}}`,
    truncatedAlerts: 0,
  };
}

type TestOne = (way: Way, data: NotificationData) => Promise<ReceiverTestResult["results"][number]>;

export function createTest({ clock, log }: { readonly clock: Clock; readonly log: DeliveryLog }): TestOne {
  return async ({ name, integration, health }, data) => {
    const startedMs = clock.monotonicMs();
    const result = await attemptOnce(integration, data, clock);
    // It may be the first to see that a service is back.
    if (result.outcome === "delivered") health.report(result);
    const durationMs = clock.monotonicMs() - startedMs;
    const outcome = result.outcome === "delivered" ? "delivered" : "failed";
    const id = randomUUID();
    const entry = entryOf(id, name, data, result);
    log.write({ ...entry, test: true, outcome, attempts: 1, atMs: clock.nowMs(), durationMs, latencyMs: null });
    const { target, subject, body, answer } = entry;
    const reason = result.outcome === "delivered" ? "" : result.reason;
    return { integration: name, outcome, reason, durationMs, target, subject, body, answer, notificationId: id };
  };
}

async function attemptOnce(integration: Integration, data: NotificationData, clock: Clock): Promise<DeliveryResult> {
  const controller = new AbortController();
  const record = { target: "", subject: "", body: "", answer: "" };
  const late = sleep(clock, ATTEMPT_MS, controller.signal).then(
    (): DeliveryResult => ({ outcome: "failed", reason: `no answer within ${ATTEMPT_MS / 1000} s`, record }),
    (): DeliveryResult => ({ outcome: "failed", reason: "called off", record }),
  );
  const sent = integration
    .send(data, controller.signal)
    .catch((error): DeliveryResult => ({ outcome: "failed", reason: String(error), record }));
  try {
    return await Promise.race([sent, late]);
  } finally {
    controller.abort(new Error("the test is over"));
  }
}
