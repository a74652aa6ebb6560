// The unmodified amtool against our API.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ALL_TENANTS } from "@storewatch/model";
import { findPeer } from "@storewatch/testkit";
import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../kernel/clock.ts";
import type { AlertManager } from "./manager.ts";
import { alertRoutes } from "./route.ts";
import { createHarness } from "./testing/harness.ts";

const CONFIG = `
global: { smtp_smarthost: "mail.example:587", smtp_from: a@example.org, smtp_auth_password: hunter2 }
route:
  receiver: ops
  group_by: [alertname]
  routes:
  - matchers: [severity="critical"]
    receiver: pager
receivers:
- name: ops
  email_configs: [{ to: ops@example.org }]
- name: pager
  webhook_configs: [{ url: "https://hook.example/s3cret" }]
  slack_configs: [{ api_url: "https://hooks.slack.com/services/T/B/X", channel: "#x" }]
`;
const amtool = findPeer("amtool");
const run = promisify(execFile);

describe.skipIf(!amtool)("amtool", () => {
  let manager: AlertManager;
  let app: FastifyInstance;
  let url: string;
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), "storewatch-amtool-"));
    const { randomUUID } = await import("node:crypto");
    ({ manager } = createHarness(CONFIG, { clock: systemClock, newId: randomUUID }));
    await manager.start();
    app = Fastify();
    app.decorateRequest("principal");
    app.addHook("onRequest", async (request) => {
      request.principal = { name: "test", role: "admin", scope: ALL_TENANTS, via: "token" };
    });
    await app.register(alertRoutes({ manager, version: "0.1.0" }));
    url = await app.listen({ host: "127.0.0.1", port: 0 });
  });
  afterAll(async () => {
    await app.close();
    await manager.stop();
    await rm(home, { recursive: true, force: true });
  });

  async function tool(...args: string[]): Promise<string> {
    const { stdout } = await run(amtool as string, [...args, `--alertmanager.url=${url}`], { env: { HOME: home } });
    return stdout;
  }

  it("adds and queries alerts", async () => {
    await tool(
      "alert",
      "add",
      "HighErrorRate",
      "severity=critical",
      "tenant_id=acme",
      "--annotation=summary=Too many errors",
    );
    await tool("alert", "add", "Quiet", "severity=warning");
    expect(await tool("alert", "query", "severity=critical")).toMatch(/HighErrorRate.*Too many errors.*active/);
    const json = JSON.parse(await tool("alert", "query", "-o", "json", "severity=~critical|warning"));
    expect(json).toHaveLength(2);
    expect(await tool("alert", "query", "-r", "pager", "-o", "simple")).not.toContain("Quiet");
  });

  it("adds, queries, updates and expires silences", async () => {
    const id = (
      await tool("silence", "add", "alertname=Quiet", "--duration=1h", "--comment=planned", "--author=an")
    ).trim();
    expect(await tool("silence", "query", "alertname=Quiet")).toContain(id);
    expect(await tool("alert", "query", "Quiet")).not.toContain("Quiet ");
    expect(await tool("alert", "query", "--silenced", "Quiet")).toContain("suppressed");
    const updated = (await tool("silence", "update", "--duration=2h", "-o", "json", id)).trim();
    expect(JSON.parse(updated)).toMatchObject([{ id }]);
    await tool("silence", "expire", id);
    expect(await tool("silence", "query")).not.toContain(id);
    expect(await tool("silence", "query", "--expired")).toContain(id);
    await expect(tool("silence", "add", "alertname=A", "x=~(", "--comment=x")).rejects.toThrow();
    // amtool asks for a comment before it sends anything; the API does as well.
    await expect(tool("silence", "add", "alertname=A")).rejects.toThrow();
  });

  it("reads the configuration, masked, and tests routes against it", async () => {
    const shown = await tool("config", "show");
    expect(shown).toContain("receiver: ops");
    for (const secret of ["hunter2", "s3cret", "hooks.slack.com"]) expect(shown).not.toContain(secret);
    expect((await tool("config", "routes", "test", "severity=critical")).trim()).toBe("pager");
    expect(await tool("config", "routes", "show")).toContain('{severity="critical"}');
    expect(await tool("cluster", "show")).toContain("disabled");
  });
});
