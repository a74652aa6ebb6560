import type { NotificationView } from "@storewatch/model/api";

export interface DeliverySummary {
  readonly count: number;
  readonly failed: number;
  /** ms; null when unknown. */
  readonly medianLatencyMs: number | null;
}

export function summariseDeliveries(list: readonly NotificationView[]): DeliverySummary {
  const latencies = list.flatMap((one) => one.latencyMs ?? []).sort((a, b) => a - b);
  const middle = latencies.length >> 1;
  const median =
    latencies.length === 0
      ? null
      : latencies.length % 2 === 1
        ? latencies[middle]
        : (latencies[middle - 1] + latencies[middle]) / 2;
  return { count: list.length, failed: list.filter((one) => one.outcome === "failed").length, medianLatencyMs: median };
}

export const OUTCOMES = ["delivered", "retrying", "failed"] as const;

export interface DeliveryFilter {
  readonly tenant?: string;
  readonly receiver?: string;
  readonly outcome?: string;
}

/** What is left out of the filter does not narrow. */
export function filterDeliveries(list: readonly NotificationView[], filter: DeliveryFilter): NotificationView[] {
  const { tenant, receiver, outcome } = filter;
  return list.filter(
    (one) =>
      (tenant === undefined || one.tenants.includes(tenant)) &&
      (receiver === undefined || one.receiver === receiver) &&
      (outcome === undefined || one.outcome === outcome),
  );
}

/** JSON bodies indented, everything else as it is. */
export function readableBody(body: string): string {
  const start = body.trimStart()[0];
  if (start !== "{" && start !== "[") return body;
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
