import { createTransport, getClient } from "@sentry/node";
import { afterAll, expect, test } from "vitest";
import { storewatch } from "../index.ts";
import { init, startTransaction, withScope } from "./compat/index.ts";
import { connectSentry, initSentry, startSentry } from "./index.ts";

const sent: string[] = [];
const quiet = () => storewatch({ service: "shop", metrics: { defaults: false } });

async function events(): Promise<Record<string, unknown>[]> {
  await getClient()?.flush(2000);
  const bodies = sent.splice(0).map((envelope) => envelope.split("\n"));
  return bodies.flatMap(([, head, body]) => (head?.includes('"type":"event"') ? [JSON.parse(body!)] : []));
}

test("without a DSN nobody listens, and the old names do nothing", () => {
  const sw = quiet();
  expect(initSentry({ dsn: "", service: "shop" })).toBeUndefined();
  startSentry(sw, { dsn: undefined })();
  init({});
  startTransaction({ name: "a" }).startChild({ op: "b" }).setTag("c", 1).finish();
  withScope(() => expect.unreachable());
  for (const name of ["requestStarted", "requestDone", "requestFailed", "breadcrumb"] as const) {
    expect(sw.hooks.has(name)).toBe(false);
  }
  expect(getClient()).toBeUndefined();
});

// From here on the client runs: it is one for the process.
const withClient = (name: string, work: () => Promise<void>) =>
  test(name, async () => {
    initSentry({
      dsn: `http://${"a".repeat(32)}@127.0.0.1:9/1`,
      service: "shop",
      version: "1.4.0",
      client: {
        defaultIntegrations: false,
        transport: (options) =>
          createTransport(options, async ({ body }) => {
            sent.push(body.toString());
            return { statusCode: 200 };
          }),
      },
    });
    await work();
  });

withClient("a job's error has the job's tenant and user, and the breadcrumbs before it", async () => {
  const sw = quiet();
  const disconnect = connectSentry(sw);
  sw.context.run({ tenantId: "acme", userId: "u7", requestId: "job-1" }, () => {
    sw.hooks.breadcrumb({ message: "slow", level: "warning", category: "performance", data: { password: "hush" } });
    sw.requestFailed(new Error("job failed"), undefined);
  });
  const [event, ...more] = await events();
  expect(more).toEqual([]);
  expect(event).toMatchObject({
    release: "1.4.0",
    tags: { tenant_id: "acme", request_id: "job-1", service: "shop" },
    user: { id: "u7" },
    breadcrumbs: [{ message: "slow", category: "performance", data: { password: "[redacted]" } }],
    exception: { values: [{ value: "job failed" }] },
  });
  disconnect();
});

withClient("an error is sent once, an answer never", async () => {
  const sw = quiet();
  const disconnect = connectSentry(sw);
  const error = new Error("twice");
  sw.requestFailed(error, undefined);
  sw.requestFailed(error, undefined);
  for (const status of [400, 404, 499]) sw.requestFailed(Object.assign(new Error("answer"), { status }), undefined);
  sw.requestFailed({ statusCode: 422 }, undefined);
  const request = { headers: {}, socket: {} } as never;
  sw.requestFailed("a text", request);
  sw.requestFailed("a text", request);
  expect(await events()).toHaveLength(2);
  disconnect();
  sw.requestFailed(new Error("disconnected"), undefined);
  expect(await events()).toEqual([]);
  expect(sw.hooks.has("requestFailed")).toBe(false);
});

withClient("work within a span has the span's trace", async () => {
  const sw = quiet();
  const disconnect = connectSentry(sw);
  const ids = sw.performance.trackPerformance("job", () =>
    ["a", "b"].map((tenantId) => sw.context.run({ tenantId }, () => sw.context.current()?.traceId)),
  );
  expect(new Set(ids).size).toBe(1);
  disconnect();
});

afterAll(async () => {
  await getClient()?.close(0);
});
