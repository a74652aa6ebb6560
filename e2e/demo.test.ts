// The main job, end to end, as `npm start` runs it: a real fault in one shop, the alert, the e-mail and the webhook with
// the right shop in their text, and the news that it is over. How long each took is recorded, not asserted.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { freePort, type StorewatchProcess, startStorewatch, waitUntil } from "@storewatch/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

interface Message {
  readonly kind: string;
  readonly subject: string;
  readonly text: string;
  readonly to: readonly string[];
}

const TENANT = "ao-dai";
let demo: StorewatchProcess;
let shopUrl: string;

beforeAll(async () => {
  const shopPort = await freePort();
  shopUrl = `http://127.0.0.1:${shopPort}`;
  demo = await startStorewatch({ command: "demo", args: ["--shop-port", String(shopPort)], readyTimeoutMs: 60_000 });
}, 90_000);

afterAll(async () => {
  expect(await demo?.stop()).toBe(0);
});

async function inbox(): Promise<Message[]> {
  return ((await demo.json("/api/storewatch/v1/inbox")) as { messages: Message[] }).messages;
}

async function messageAbout(kind: string, tenant: string, word: RegExp): Promise<Message | undefined> {
  const messages = await inbox();
  return messages.find(
    (m) => m.kind === kind && `${m.subject} ${m.text}`.includes(tenant) && word.test(`${m.subject} ${m.text}`),
  );
}

async function biggestShop(): Promise<string> {
  const query = encodeURIComponent('topk(1, sum by (tenant_id) (http_requests_total{tenant_id!="unknown"}))');
  const reply = (await demo.json(`/api/v1/query?query=${query}`)) as {
    data: { result: Array<{ metric: { tenant_id: string } }> };
  };
  return reply.data.result[0]?.metric.tenant_id ?? TENANT;
}

test("an error burst in one shop reaches people, names the shop, and is called off", { timeout: 420_000 }, async () => {
  await waitUntil(async () => {
    const reply = (await demo.json("/api/v1/query?query=sum(http_requests_total)")) as {
      data: { result: Array<{ value: [number, string] }> };
    };
    return Number(reply.data.result[0]?.value[1] ?? 0) > 200;
  }, 60_000);
  const tenant = await biggestShop();
  const record: Record<string, number | string> = { tenant };
  const since = (startedAt: number) => Math.round((performance.now() - startedAt) / 100) / 10;

  const injectedAt = performance.now();
  const switched = await fetch(`${shopUrl}/faults/error-burst?tenant=${tenant}&on=true`, { method: "POST" });
  expect(switched.status).toBe(200);
  await waitUntil(async () => (await messageAbout("webhook", tenant, /HighErrorRate/)) !== undefined, 180_000);
  record.faultToWebhookSeconds = since(injectedAt);
  await waitUntil(async () => (await messageAbout("email", tenant, /HighErrorRate/)) !== undefined, 30_000);
  record.faultToEmailSeconds = since(injectedAt);
  const mail = await messageAbout("email", tenant, /HighErrorRate/);
  expect(mail?.subject).toContain(tenant);
  expect(mail?.text).toMatch(/fail with a server error/);
  const others = (await inbox()).filter((m) => /HighErrorRate/.test(m.subject) && !m.subject.includes(tenant));
  expect(others).toEqual([]);

  const clearedAt = performance.now();
  await fetch(`${shopUrl}/faults/error-burst?tenant=${tenant}&on=false`, { method: "POST" });
  await waitUntil(async () => (await messageAbout("email", tenant, /RESOLVED.*HighErrorRate/)) !== undefined, 200_000);
  record.clearedToResolvedEmailSeconds = since(clearedAt);
  await waitUntil(
    async () => (await messageAbout("webhook", tenant, /"status":\s*"resolved"|resolved/)) !== undefined,
    30_000,
  );
  console.log(`demo end to end: ${JSON.stringify(record)}`);
  writeFileSync(path.join(demo.dataDir, "end-to-end.json"), JSON.stringify(record));
});
