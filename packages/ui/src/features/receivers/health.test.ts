import type { ReceiverIntegrationView, ReceiverView } from "@storewatch/model/api";
import { expect, it } from "vitest";
import { healthState, summariseReceivers } from "./health.ts";

const one = (health: string, breaker: string, waiting = 0) =>
  ({ integration: "slack[0]", health, breaker: { state: breaker }, counts: { waiting } }) as ReceiverIntegrationView;

it("an open breaker counts as failing, one that is tried again as a warning", () => {
  expect(healthState(one("ok", "closed"))).toBe("ok");
  expect(healthState(one("ok", "open"))).toBe("crit");
  expect(healthState(one("failing", "closed"))).toBe("crit");
  expect(healthState(one("unknown", "half-open"))).toBe("warn");
  expect(healthState(one("unknown", "closed"))).toBe("unknown");
});

it("sums receivers up", () => {
  const list: ReceiverView[] = [
    { name: "nobody", integrations: [] },
    { name: "team", integrations: [one("ok", "closed", 1), one("failing", "open", 2)] },
    { name: "future", integrations: [{ ...one("unsupported", "closed"), integration: "jira[0]" }] },
  ];
  expect(summariseReceivers(list)).toEqual({
    receivers: 2,
    failing: ["team · slack[0]"],
    waiting: 3,
    undelivered: ["future · jira[0]"],
  });
});
