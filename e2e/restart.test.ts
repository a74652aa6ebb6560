// A restart of the real process is not seen in the alerts: who waits goes on waiting, who fires is not told again, and
// what is only kept firing is kept. Ended by a signal, and by kill -9. The rules are kept in Storewatch itself.
import { type StorewatchProcess, startStorewatch, temporaryDir, waitUntil } from "@storewatch/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { type Hook, startHook, startTarget, type Target } from "./target.ts";

let target: Target | undefined;
let hook: Hook | undefined;
let server: StorewatchProcess | undefined;
afterEach(async () => {
  await server?.kill();
  await target?.close();
  await hook?.close();
});

const FOR_MS = 15_000;
const RULES = `# Kept over the restart too.
groups:
  - name: restart
    interval: 1s
    rules:
      - alert: Fires
        expr: x > 0
      - alert: Waits
        expr: x > 0
        for: 15s
      - alert: IsKept
        expr: y > 0
        keep_firing_for: 1h
        annotations: { summary: "y was {{ $value }}" }
`;

interface RuleState {
  readonly name: string;
  readonly state: string;
  readonly alerts: ReadonlyArray<{ readonly activeAt: string; readonly annotations: Record<string, string> }>;
}

async function states(): Promise<Map<string, RuleState>> {
  const reply = (await server!.json("/api/v1/rules?rule_group[]=restart")) as {
    data: { groups: Array<{ rules: RuleState[] }> };
  };
  return new Map((reply.data.groups[0]?.rules ?? []).map((rule) => [rule.name, rule]));
}

/** `firing Fires` for each alert of each notification so far. */
function told(): string[] {
  return hook!.received.flatMap(({ body }) => body.alerts.map((alert) => `${alert.status} ${alert.labels.alertname}`));
}

describe.each(["SIGTERM", "SIGKILL"] as const)("after %s", (signal) => {
  test("pending goes on, firing is not told again, keep_firing_for holds", { timeout: 90_000 }, async () => {
    target = await startTarget("x 1\ny 7\n");
    hook = await startHook();
    const dataDir = temporaryDir("storewatch-restart-");
    const files = {
      "storewatch.yml":
        "metrics: { prometheus: prometheus.yml }\nalerts: { alertmanager: alertmanager.yml }\noutgoing: { allow: [127.0.0.0/8] }\n",
      "prometheus.yml": `global: { scrape_interval: 500ms, scrape_timeout: 400ms }\nscrape_configs:\n  - job_name: t\n    static_configs: [{ targets: ["${target.address}"] }]\n`,
      "alertmanager.yml": `route: { receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 4h }\nreceivers:\n  - name: hook\n    webhook_configs: [{ url: "${hook.url}" }]\n`,
    };
    server = await startStorewatch({ files, dataDir });
    const saved = await server.fetch("/api/storewatch/v1/rule-groups/restart", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ yaml: RULES, version: null }),
    });
    expect(saved.status).toBe(201);
    await waitUntil(
      () => ["firing Fires", "firing IsKept"].every((line) => told().includes(line)),
      20_000,
      () => JSON.stringify(told()),
    );
    target.page = "x 1\ny 0\n";
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const before = await states();
    expect([...before.values()].map(({ name, state }) => `${name} ${state}`)).toEqual([
      "Fires firing",
      "Waits pending",
      "IsKept firing",
    ]);
    const activeAtMs = Date.parse(before.get("Waits")!.alerts[0].activeAt);

    const downAtMs = Date.now();
    if (signal === "SIGTERM") expect(await server.stop()).toBe(0);
    else await server.kill();
    server = await startStorewatch({ files, dataDir });
    const downMs = Date.now() - downAtMs;
    await waitUntil(async () => (await states()).get("Waits")?.state === "pending", 10_000);
    const again = await states();
    // What it had waited counts; the time without us does not. A kill can lose the last 2 s.
    const movedMs = Date.parse(again.get("Waits")!.alerts[0].activeAt) - activeAtMs;
    expect(movedMs).toBeGreaterThanOrEqual(-1000);
    expect(movedMs).toBeLessThanOrEqual(downMs + 4000);
    expect(again.get("Fires")).toMatchObject({ state: "firing" });
    expect(again.get("IsKept")).toMatchObject({ state: "firing", alerts: [{ annotations: { summary: "y was 7" } }] });

    await waitUntil(
      () => told().includes("firing Waits"),
      30_000,
      () => JSON.stringify(told()),
    );
    expect(Date.now() - activeAtMs).toBeGreaterThanOrEqual(FOR_MS);
    expect(Date.now() - activeAtMs).toBeLessThanOrEqual(FOR_MS + downMs + 6000);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(told().sort()).toEqual(["firing Fires", "firing IsKept", "firing Waits"]);
    expect(((await server.json("/api/storewatch/v1/rule-groups/restart")) as { yaml: string }).yaml).toBe(RULES);
  });
});
