import { ALL_TENANTS, type TenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AlertManager } from "./manager.ts";
import { alertRoutes } from "./route.ts";
import { alert, createHarness, START_MS } from "./testing/harness.ts";

const CONFIG = `
route: { receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 10s }
receivers:
- name: ops
  webhook_configs: [{ url: "https://hook.example/s3cret" }]
- name: quiet
`;
const clock = new FakeClock(START_MS);
let manager: AlertManager;
let app: FastifyInstance;
let scope: TenantScope;

beforeEach(async () => {
  scope = ALL_TENANTS;
  ({ manager } = createHarness(CONFIG, { clock }));
  await manager.start();
  app = Fastify();
  app.decorateRequest("principal");
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "test", role: "admin", scope, via: "token" };
  });
  await app.register(alertRoutes({ manager, version: "0.1.0" }));
});
afterEach(async () => {
  await app.close();
  await manager.stop();
});

async function call(method: "GET" | "POST" | "DELETE", url: string, payload?: unknown) {
  const answer = await app.inject({ method, url, payload: payload as object | undefined });
  const text = answer.payload;
  return { status: answer.statusCode, body: text === "" ? "" : JSON.parse(text) };
}

const time = (seconds: number) => new Date(clock.nowMs() + seconds * 1000).toISOString();
const silence = (more: object = {}) => ({
  matchers: [{ name: "alertname", value: "A", isRegex: false }],
  startsAt: time(0),
  endsAt: time(3600),
  createdBy: "an",
  comment: "planned",
  ...more,
});

describe("alerts", () => {
  it("are taken, and shown with their state", async () => {
    expect(await call("POST", "/api/v2/alerts", [{ labels: { alertname: "A", empty: "" } }])).toEqual({
      status: 200,
      body: "",
    });
    const { body } = await call("GET", "/api/v2/alerts");
    expect(body).toMatchObject([
      {
        labels: { alertname: "A" },
        receivers: [{ name: "ops" }],
        status: { state: "active", silencedBy: [], inhibitedBy: [], mutedBy: [] },
        startsAt: time(0),
        endsAt: time(300),
      },
    ]);
    expect(body[0].fingerprint).toMatch(/^[0-9a-f]{16}$/);
  });

  it("take Go's zero time as not set", async () => {
    const zero = "0001-01-01T00:00:00.000Z";
    await call("POST", "/api/v2/alerts", [{ labels: { alertname: "A" }, startsAt: zero, endsAt: zero }]);
    expect((await call("GET", "/api/v2/alerts")).body).toMatchObject([{ startsAt: time(0), endsAt: time(300) }]);
  });

  it("are refused with upstream's words, the good ones among them kept", async () => {
    const answer = await call("POST", "/api/v2/alerts", [{ labels: {} }, { labels: { alertname: "Good" } }]);
    expect(answer).toEqual({ status: 400, body: "at least one label pair required" });
    const long = await call("POST", "/api/v2/alerts", [{ labels: { alertname: "A", x: "y".repeat(70_000) } }]);
    expect(long).toMatchObject({ status: 400, body: expect.stringContaining("65536 are allowed") });
    expect((await call("GET", "/api/v2/alerts")).body).toHaveLength(1);
    const missing = await call("POST", "/api/v2/alerts", [{ annotations: {} }]);
    expect(missing).toEqual({ status: 422, body: { code: 602, message: "0.labels in body is required" } });
    expect((await call("POST", "/api/v2/alerts", [{ labels: { a: 1 } }])).status).toBe(422);
    expect((await call("POST", "/api/v2/alerts", { labels: {} })).status).toBe(400);
  });

  it("are filtered by matchers, state and receiver", async () => {
    await call("POST", "/api/v2/alerts", [{ labels: { alertname: "A", sev: "x" } }, { labels: { alertname: "B" } }]);
    await call("POST", "/api/v2/silences", silence());
    const names = async (query: string) =>
      (await call("GET", `/api/v2/alerts?${query}`)).body
        .map((a: { labels: { alertname: string } }) => a.labels.alertname)
        .sort();
    expect(await names("")).toEqual(["A", "B"]);
    expect(await names("active=false")).toEqual(["A"]);
    expect(await names("silenced=false")).toEqual(["B"]);
    expect(await names("filter=alertname=~A|C")).toEqual(["A"]);
    expect(await names(`filter=${encodeURIComponent('sev!=""')}`)).toEqual(["A"]);
    expect(await names("filter=alertname=B&filter=sev=x")).toEqual([]);
    expect(await names("receiver=op.*")).toEqual(["A", "B"]);
    expect(await names("receiver=op")).toEqual([]);
    expect(await call("GET", "/api/v2/alerts?filter==")).toMatchObject({
      status: 400,
      body: expect.stringContaining("matcher"),
    });
    expect((await call("GET", "/api/v2/alerts?active=maybe")).status).toBe(422);
    expect((await call("GET", "/api/v2/alerts?receiver=(")).status).toBe(400);
  });

  it("are grouped as they are notified", async () => {
    await manager.put(ALL_TENANTS, [alert("B"), alert("A", { i: "1" }), alert("A", { i: "2" })]);
    const { body } = await call("GET", "/api/v2/alerts/groups");
    const shape = body.map((g: { labels: unknown; alerts: unknown[]; receiver: unknown }) => [
      g.labels,
      g.receiver,
      g.alerts.length,
    ]);
    expect(shape).toEqual([
      [{ alertname: "A" }, { name: "ops" }, 2],
      [{ alertname: "B" }, { name: "ops" }, 1],
    ]);
  });
});

describe("silences", () => {
  it("are made, shown, edited and ended", async () => {
    const { body } = await call("POST", "/api/v2/silences", silence());
    const id = body.silenceID;
    expect(await call("GET", `/api/v2/silence/${id}`)).toMatchObject({
      status: 200,
      body: {
        id,
        status: { state: "active" },
        matchers: [{ name: "alertname", value: "A", isRegex: false, isEqual: true }],
      },
    });
    expect((await call("POST", "/api/v2/silences", silence({ id, endsAt: time(60) }))).body.silenceID).toBe(id);
    expect((await call("DELETE", `/api/v2/silence/${id}`)).status).toBe(200);
    expect((await call("GET", "/api/v2/silences")).body).toMatchObject([{ id, status: { state: "expired" } }]);
    expect((await call("GET", "/api/v2/silences?expired=false")).body).toEqual([]);
    expect((await call("GET", "/api/v2/silences?filter=alertname=B")).body).toEqual([]);
  });

  it("are refused with upstream's words", async () => {
    const post = (body: object) => call("POST", "/api/v2/silences", body);
    expect(await post(silence({ comment: undefined }))).toEqual({
      status: 422,
      body: { code: 602, message: "comment in body is required" },
    });
    expect((await post(silence({ endsAt: time(-5), startsAt: time(-9) }))).body).toContain(
      "end time can't be in the past",
    );
    expect((await post(silence({ endsAt: time(0) }))).body).toContain("start time must be before end time");
    expect((await post(silence({ matchers: [] }))).status).toBe(422);
    const wide = { name: "a", value: ".*", isRegex: true };
    expect((await post(silence({ matchers: [wide] }))).body).toContain(
      "at least one matcher must not match the empty string",
    );
    expect((await post(silence({ matchers: [{ ...wide, value: "(" }] }))).status).toBe(400);
    const unknown = "11111111-1111-4111-8111-111111111111";
    expect((await post(silence({ id: unknown }))).status).toBe(404);
    expect((await call("GET", `/api/v2/silence/${unknown}`)).status).toBe(404);
    expect((await call("DELETE", `/api/v2/silence/${unknown}`)).status).toBe(404);
    expect((await call("GET", "/api/v2/silence/nope")).status).toBe(422);
  });
});

describe("a caller of one shop", () => {
  beforeEach(() => {
    scope = tenantScope(["acme" as TenantId]);
  });

  it("sees and silences its own alerts only", async () => {
    await manager.put(ALL_TENANTS, [alert("A", { tenant_id: "acme" }), alert("A", { tenant_id: "umbra" }), alert("A")]);
    expect((await call("GET", "/api/v2/alerts")).body).toHaveLength(1);
    expect((await call("GET", "/api/v2/alerts/groups")).body[0].alerts).toHaveLength(1);
    expect((await call("POST", "/api/v2/silences", silence())).status).toBe(403);
    const own = silence({ matchers: [{ name: "tenant_id", value: "acme", isRegex: false }] });
    expect((await call("POST", "/api/v2/silences", own)).status).toBe(200);
    const notMine = { name: "tenant_id", value: "acme", isRegex: false, isEqual: false };
    const notIt = silence({ matchers: [notMine, { name: "alertname", value: "A", isRegex: false }] });
    expect((await call("POST", "/api/v2/silences", notIt)).status).toBe(403);
  });

  it("cannot see or end the operator's silences, nor post for others", async () => {
    scope = ALL_TENANTS;
    const { body } = await call("POST", "/api/v2/silences", silence());
    scope = tenantScope(["acme" as TenantId]);
    expect((await call("GET", "/api/v2/silences")).body).toEqual([]);
    expect((await call("GET", `/api/v2/silence/${body.silenceID}`)).status).toBe(404);
    expect((await call("DELETE", `/api/v2/silence/${body.silenceID}`)).status).toBe(404);
    expect((await call("POST", "/api/v2/alerts", [{ labels: { alertname: "X", tenant_id: "umbra" } }])).status).toBe(
      403,
    );
  });

  it("does not see the configuration", async () => {
    expect((await call("GET", "/api/v2/status")).body.config.original).not.toContain("ops");
    scope = ALL_TENANTS;
    const { original } = (await call("GET", "/api/v2/status")).body.config;
    expect(original).toContain("ops");
    expect(original).not.toContain("s3cret");
  });
});
