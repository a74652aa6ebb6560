import type { Verdict } from "./http.ts";
import type { DeliveryRecord, DeliveryResult } from "./interface.ts";

export function resultOf(verdict: Verdict, record: DeliveryRecord): DeliveryResult {
  switch (verdict.kind) {
    case "ok":
      return { outcome: "delivered", record };
    case "retry": {
      const { reason, retryAfterMs, limited } = verdict;
      return { outcome: "retry", reason, retryAfterMs, limited, record };
    }
    case "refused":
      return { outcome: "failed", reason: verdict.reason, record };
  }
}
