// `storewatch import alertmanager` between a real Alertmanager with silences of amtool and our API.
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ALL_TENANTS } from "@storewatch/model";
import { type AlertmanagerProcess, findPeer, startAlertmanager } from "@storewatch/testkit";
import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alertRoutes } from "../alerts/index.ts";
import { createHarness } from "../alerts/testing/harness.ts";
import { systemClock } from "../kernel/clock.ts";
import { runCli } from "./program.ts";

const run = promisify(execFile);
const amtool = findPeer("amtool");
const alertmanager = findPeer("prometheus-alertmanager");
const dir = mkdtempSync(path.join(tmpdir(), "storewatch-import-"));
writeFileSync(path.join(dir, "token"), "good-token\n");

async function cli(...args: string[]) {
  let out = "";
  let err = "";
  const code = await runCli(args, { out: (text) => (out += text), err: (text) => (err += text), workingDir: dir });
  return { code, out, err };
}

describe("usage", () => {
  it("is checked before anybody is asked", async () => {
    expect(await cli("import", "alertmanager", "am:9093")).toMatchObject({
      code: 2,
      err: /expected an http or https URL/,
    });
    expect(await cli("import", "alertmanager", "http://127.0.0.1:1", "--data", path.join(dir, "none"))).toMatchObject({
      code: 2,
      err: expect.stringContaining("no token for the server"),
    });
    expect(await cli("import", "alertmanager")).toMatchObject({ code: 2 });
  });
});

describe.skipIf(!amtool || !alertmanager)("silences of a real Alertmanager", () => {
  let peer: AlertmanagerProcess;
  let app: FastifyInstance;
  let url: string;
  const { manager } = createHarness("route: { receiver: a }\nreceivers: [{ name: a }]", {
    clock: systemClock,
    newId: randomUUID,
  });

  beforeAll(async () => {
    peer = await startAlertmanager();
    await manager.start();
    app = Fastify();
    app.decorateRequest("principal");
    app.addHook("onRequest", async (request, reply) => {
      if (request.headers.authorization !== "Bearer good-token") return reply.code(401).send("no credential");
      request.principal = { name: "test", role: "editor", scope: ALL_TENANTS, via: "token" };
    });
    await app.register(alertRoutes({ manager, version: "0.1.0" }));
    url = await app.listen({ host: "127.0.0.1", port: 0 });
  });
  afterAll(async () => {
    await app.close();
    await manager.stop();
    await peer.stop();
  });

  const tool = async (...args: string[]) =>
    (await run(amtool!, [...args, `--alertmanager.url=${peer.url}`], { env: { HOME: dir } })).stdout.trim();
  const add = (...args: string[]) => tool("silence", "add", "--author=an", ...args);
  const doImport = (...more: string[]) =>
    cli("import", "alertmanager", peer.url, "--server", url, "--token-file", "token", ...more);
  const ours = () =>
    manager
      .silences(ALL_TENANTS)
      .map((s) => `${s.comment}: ${s.matchers.map((m) => m.name + m.operator + m.value).join()}`);

  it("are taken over once, changed when they changed, and not touched otherwise", async () => {
    const first = await add("alertname=HighErrorRate", "tenant_id=~acme|beta", "--duration=2h", "--comment=deploy");
    await add(
      "severity!=critical",
      "job!~a.*",
      "team=x",
      "--duration=1h",
      "--comment=Bảo trì",
      "--start=2099-01-01T00:00:00Z",
      "--end=2099-01-02T00:00:00Z",
    );
    const gone = await add("alertname=Old", "--duration=1h", "--comment=old");
    await tool("silence", "expire", gone);

    expect(await doImport()).toEqual({
      code: 0,
      out: "silences: 2 new, 0 changed, 0 there already, 1 expired left out\n",
      err: "",
    });
    expect(ours().sort()).toEqual(
      ["Bảo trì: severity!=critical,job!~a.*,team=x", "deploy: alertname=HighErrorRate,tenant_id=~acme|beta"]
        .sort()
        .map((line) => expect.stringContaining(line.split(":")[0])),
    );
    const [theirs] = ((await peer.json("/api/v2/silences")) as { id: string; endsAt: string }[]).filter(
      (s) => s.id === first,
    );
    const mine = manager.silences(ALL_TENANTS).find((s) => s.comment === "deploy")!;
    expect(mine).toMatchObject({ createdBy: "an", endsAtMs: Date.parse(theirs.endsAt) });
    expect(manager.silences(ALL_TENANTS).find((s) => s.comment === "Bảo trì")).toMatchObject({
      startsAtMs: Date.UTC(2099, 0, 1),
      endsAtMs: Date.UTC(2099, 0, 2),
    });

    expect((await doImport()).out).toContain("0 new, 0 changed, 2 there already");
    expect(ours()).toHaveLength(2);

    await tool("silence", "update", "--duration=5h", first);
    expect((await doImport()).out).toContain("0 new, 1 changed, 1 there already");
    expect(ours()).toHaveLength(2);
    expect(manager.silence(ALL_TENANTS, mine.id)!.endsAtMs).toBeGreaterThan(mine.endsAtMs);
    expect((await doImport()).out).toContain("0 new, 0 changed, 2 there already");
  });

  it("failures are told in one line", async () => {
    writeFileSync(path.join(dir, "bad-token"), "other");
    const refused = await cli("import", "alertmanager", peer.url, "--server", url, "--token-file", "bad-token");
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toMatch(/^storewatch: http:\/\/127\.0\.0\.1:\d+ answered 401: no credential\n$/);
    const nobody = await cli("import", "alertmanager", "http://127.0.0.1:1", "--server", url, "--token-file", "token");
    expect(nobody.err).toMatch(/^storewatch: connection refused[^\n]*\n$/);
  });
});
