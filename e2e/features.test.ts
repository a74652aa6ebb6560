// `features` of storewatch.yml, seen from outside.
import { startStorewatch } from "@storewatch/testkit";
import { expect, test } from "vitest";

const QUERIES = {
  "limitk(1, vector(1))": "limitk() is experimental",
  "info(vector(1))": 'function "info" is not enabled',
  "vector(1)[step() + 1m:]": "experimental duration expression is not enabled",
  "rate(up[5m] anchored)": "anchored modifier is experimental and not enabled",
  "up + fill(0) up": "binop fill modifiers are experimental and not enabled",
};
const RULE = "groups: [{ name: g, rules: [{ record: r, expr: 'limitk(1, vector(1))' }] }]\n";

test.each([true, false])("experimental PromQL: %s", async (isOn) => {
  const server = await startStorewatch({
    files: { "storewatch.yml": isOn ? "features: { promql_experimental: true }\n" : "features: {}\n" },
  });
  try {
    for (const [query, refusal] of Object.entries(QUERIES)) {
      const reply = await server.fetch(`/api/v1/query?query=${encodeURIComponent(query)}`);
      const text = await reply.text();
      expect([query, reply.status]).toEqual([query, isOn ? 200 : 400]);
      if (!isOn) expect(JSON.parse(text).error).toContain(refusal);
    }
    // Rules that are kept in the app are held to the same.
    const kept = await server.fetch("/api/storewatch/v1/rule-groups/g", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ yaml: RULE }),
    });
    expect(kept.status).toBe(isOn ? 201 : 422);
  } finally {
    await server.stop();
  }
});
