import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, type TenantId, tenantScope } from "@storewatch/model";
import { type InboxMessage, inboxSchema } from "@storewatch/model/api";
import Fastify from "fastify";
import { createTransport } from "nodemailer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../kernel/clock.ts";
import { silentLogger } from "../kernel/logger.ts";
import type { Principal } from "../tenant/principal.ts";
import { fillPlaces } from "./render-config.ts";
import { RotatingLog } from "./rotating-log.ts";
import { type Demo, type DemoOptions, startDemo } from "./start-demo.ts";

// A stand-in for the example's entry: speaks its messages, dies when told, records its arguments.
const FAKE_SHOP = `
import { appendFileSync } from "node:fs";
const data = process.argv[process.argv.indexOf("--data") + 1];
appendFileSync(data + "/starts", process.pid + "\\n");
process.on("disconnect", () => process.exit(0));
console.log("beacons to " + process.env.STOREWATCH_RUM_ENDPOINT + "/rum/" + process.env.STOREWATCH_RUM_KEY);
console.log("metrics for " + process.env.METRICS_TOKEN);
console.log("shop started " + process.argv.slice(2).join(" "));
process.on("SIGTERM", () => process.exit(0));
if (process.argv.includes("1234")) {
  process.send({ kind: "failed", message: "port 1234 of the shop is taken" });
  setTimeout(() => process.exit(1), 20);
} else {
  process.send({ kind: "ready", url: "http://127.0.0.1:9999", metricsUrl: "http://127.0.0.1:9998/metrics",
    providers: { paynow: "http://127.0.0.1:9997" },
    tenants: [{ id: "acme", name: "Acme", tier: "gold", timezone: "UTC", currency: "USD" }] });
}
setInterval(() => {}, 1000);
`;

let directory: string;
let demo: Demo | undefined;
let changes: number;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "demo-"));
  writeFileSync(path.join(directory, "shop.mjs"), FAKE_SHOP);
  changes = 0;
});

afterEach(async () => {
  await demo?.stop();
  demo = undefined;
  rmSync(directory, { recursive: true, force: true });
});

async function start(more: Partial<DemoOptions> = {}): Promise<Demo> {
  demo = await startDemo({
    dataDir: directory,
    shopPort: 0,
    clock: systemClock,
    logger: silentLogger,
    rumEndpoint: "http://127.0.0.1:9700",
    environment: process.env,
    onInboxChange: () => {
      changes += 1;
    },
    shopEntry: path.join(directory, "shop.mjs"),
    ...more,
  });
  return demo;
}

async function inbox(scope: Principal["scope"] = ALL_TENANTS): Promise<InboxMessage[]> {
  const app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "x", role: "viewer", scope, via: "token" };
  });
  if (demo) await app.register(demo.routes);
  const response = await app.inject("/api/storewatch/v1/inbox");
  await app.close();
  return inboxSchema.parse(response.json()).messages;
}

describe("mailbox and inbox", () => {
  test("an e-mail with Vietnamese subject, text and HTML arrives whole; a shop's people see none", async () => {
    const { smtpPort, configFiles, shopUrl } = await start({ shopPort: undefined });
    expect(shopUrl).toBeUndefined();
    expect(readFileSync(configFiles.prometheus, "utf8")).not.toContain("scrape_configs");
    const transport = createTransport({ host: "127.0.0.1", port: smtpPort, secure: false });
    await transport.sendMail({
      from: "alerts@storewatch.example",
      to: ["oncall@storewatch.example", "Đội Vận Hành <ops@storewatch.example>"],
      subject: "[CRITICAL] Lỗi cao: Bếp Nhà",
      text: "20% yêu cầu lỗi",
      html: "<b>20%</b>",
    });
    transport.close();
    const [mail] = await inbox();
    expect(mail).toMatchObject({
      kind: "email",
      from: "alerts@storewatch.example",
      to: ["oncall@storewatch.example", "Đội Vận Hành <ops@storewatch.example>"],
      subject: "[CRITICAL] Lỗi cao: Bếp Nhà",
      html: expect.stringContaining("<b>20%</b>"),
    });
    expect(mail.text.trim()).toBe("20% yêu cầu lỗi");
    expect(changes).toBe(1);
    expect(await inbox(tenantScope(["bepnha" as TenantId]))).toEqual([]);
  });

  test("webhooks and Slack messages arrive, newest first; anything else is refused; the last 500 are kept", async () => {
    const { inboxUrl } = await start({ shopPort: undefined });
    const post = (where: string, body: unknown) =>
      fetch(`${inboxUrl}${where}`, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
    const alert = { status: "firing", labels: { alertname: "X", tenant_id: "acme" }, annotations: { summary: "Boom" } };
    const hook = { version: "4", status: "firing", receiver: "ops", commonLabels: alert.labels, alerts: [alert] };
    expect((await post("/webhook", hook)).status).toBe(200);
    const slack = { channel: "#alerts", attachments: [{ title: "Critical: X (acme)", text: "20%" }] };
    expect(await (await post("/slack", slack)).text()).toBe("ok");
    expect(await inbox()).toMatchObject([
      { kind: "slack", to: ["#alerts"], subject: "Critical: X (acme)", text: "20%" },
      { kind: "webhook", to: ["ops"], subject: "[FIRING] X: acme", text: expect.stringContaining("Boom") },
    ]);
    for (const bad of ["{", "[]", JSON.stringify({ status: "firing" }), `"${"x".repeat(2 << 20)}"`])
      expect((await post("/webhook", bad).catch(() => ({ status: 400 }))).status).toBe(400);
    expect((await post("/elsewhere", hook)).status).toBe(404);
    expect((await fetch(inboxUrl)).status).toBe(404);
    for (let i = 0; i < 510; i++) await post("/slack", { text: `message ${i}` });
    const all = await inbox();
    expect([all.length, all[0].text, changes]).toEqual([500, "message 509", 512]);
  });
});

describe("the shop's process", () => {
  test("starts with its flags, tells its shops, fills the configuration in, and stops", async () => {
    const { configFiles, tenants, shopUrl, providerUrls, smtpPort, inboxUrl } = await start({ rate: 12 });
    expect(tenants).toEqual([{ id: "acme", name: "Acme", tier: "gold", timezone: "UTC", currency: "USD" }]);
    expect([shopUrl, providerUrls.paynow]).toEqual(["http://127.0.0.1:9999", "http://127.0.0.1:9997"]);
    const prometheus = readFileSync(configFiles.prometheus, "utf8");
    expect(prometheus).toContain("127.0.0.1:9998");
    const tokenFile = path.join(directory, "demo", "shop-metrics-token");
    expect(prometheus).toContain(`credentials_file: "${tokenFile}"`);
    const alertmanager = readFileSync(configFiles.alertmanager, "utf8");
    for (const part of [`127.0.0.1:${smtpPort}`, `${inboxUrl}/slack`]) expect(alertmanager).toContain(part);
    expect(configFiles.rules.map((file) => path.basename(file))).toEqual([
      "ecommerce.rules.yml",
      "storewatch.rules.yml",
    ]);
    const log = () => readFileSync(path.join(directory, "shop.log"), "utf8");
    await expect.poll(log).toContain(`--rate 12 --data ${path.join(directory, "demo")}`);
    expect(log()).toContain(`metrics for ${readFileSync(tokenFile, "utf8")}`);
    const [key] = demo?.rumKeys ?? [];
    expect(log()).toContain(`beacons to http://127.0.0.1:9700/rum/${key.key}`);
    expect(key).toMatchObject({
      may: { kind: "platform", tenants: ["acme"] },
      origins: ["http://127.0.0.1:9999", "http://localhost:9999"],
    });
    const [pid] = starts();
    await demo?.stop();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test("is started again after a crash", async () => {
    await start();
    process.kill(starts()[0], "SIGKILL");
    await expect.poll(() => starts().length, { timeout: 5000 }).toBe(2);
    await demo?.stop();
    expect(() => process.kill(starts()[1], 0)).toThrow("ESRCH");
  });

  test("what cannot start is one clear line, and nothing stays behind", async () => {
    await expect(start({ shopPort: 1234 })).rejects.toThrow("the example shop: port 1234 of the shop is taken");
    await expect(start({ shopEntry: "/nowhere/main.js" })).rejects.toThrow("npm run build");
    await expect.poll(() => starts().every((pid) => !alive(pid))).toBe(true);
  });

  test("the real shop names a taken port", async () => {
    const entry = path.resolve(import.meta.dirname, "../../../../examples/shop/dist/main.js");
    if (!existsSync(entry)) return;
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    await expect(start({ shopPort: port, shopEntry: entry })).rejects.toThrow(`port ${port} of the shop is taken`);
    taken.close();
  });

  function starts(): number[] {
    const file = path.join(directory, "demo", "starts");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map(Number) : [];
  }

  function alive(pid: number): boolean {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  }
});

test("the log stays within its bound, over restarts too", () => {
  const file = path.join(directory, "x.log");
  const options = { bytesMax: 100, keep: 2 };
  for (let round = 0; round < 4; round++) {
    const log = new RotatingLog(file, options);
    for (let i = 0; i < 5; i++) log.write(Buffer.from(`${"x".repeat(28)}\n`));
    log.close();
    log.write(Buffer.from("after closing"));
  }
  const files = readdirSync(directory)
    .filter((name) => name.startsWith("x.log"))
    .sort();
  expect(files).toEqual(["x.log", "x.log.1", "x.log.2"]);
  for (const name of files) expect(statSync(path.join(directory, name)).size).toBeLessThanOrEqual(100);
});

test("a place without a value is our bug, not a broken file", () => {
  expect(() => fillPlaces("a: @NO_SUCH@", {} as never)).toThrow("BUG: no value for @NO_SUCH@");
});
