import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { findPeer, temporaryDir } from "@storewatch/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { ConfigError } from "../config/document.ts";
import { systemClock } from "../kernel/clock.ts";
import { silentLogger } from "../kernel/logger.ts";
import { Agent, type RunningAgent, startAgent } from "./agent.ts";
import { type AgentFlags, loadAgentConfig } from "./config.ts";
import { makeHostTree } from "./testing/host-tree.ts";

const openssl = findPeer("openssl");
const tree = makeHostTree();
const host = { procfs: `${tree.dir}/proc`, sysfs: `${tree.dir}/sys`, rootfs: tree.dir };

function load(text: string, flags: AgentFlags = {}, environment: Readonly<Record<string, string>> = {}) {
  const dir = temporaryDir("agent-config-");
  writeFileSync(path.join(dir, "agent.yml"), text);
  writeFileSync(path.join(dir, "token"), "from-a-file\n");
  return loadAgentConfig({ file: "agent.yml", flags: { ...host, ...flags }, workingDir: dir, environment });
}

function make(text: string, flags: AgentFlags = {}): Agent {
  return new Agent({ config: load(text, flags), version: "1", clock: systemClock, logger: silentLogger });
}

describe("agent.yml", () => {
  test("an empty one has the defaults: loopback, the host", () => {
    const config = load("");
    expect(config.listen).toEqual({ host: "127.0.0.1", port: 9100 });
    const names = make("").collectorNames;
    expect(names).toContain("loadavg");
    expect(names).not.toContain("processes");
    expect(names).not.toContain("process_groups");
  });

  test.each([
    ["lisen: x\n", "agent.yml:1:1: unknown key `lisen`. Did you mean `listen`?"],
    ["listen: nowhere\n", "agent.yml:1:1: listen: expected HOST:PORT"],
    ["host:\n  disc: {}\n", "agent.yml:2:3: unknown key `disc`."],
    [
      "host: { diskstats: { device_exclude: '(' } }\n",
      "agent.yml:1:22: host.diskstats.device_exclude: error parsing regexp",
    ],
    [
      "host: { enable: [procesess] }\n",
      "agent.yml:1:18: host.enable.0: there is no collector procesess. Did you mean processes?",
    ],
    ["timeout: soon\n", "agent.yml:1:1: timeout: expected a duration such as 10s"],
    [
      "auth: { bearer_token: a, bearer_token_file: token }\n",
      "auth.bearer_token: give it or bearer_token_file, not both",
    ],
    ["auth: { basic: { username: u } }\n", "auth.basic: it needs password or password_file"],
    ["auth: { bearer_token: '${NOT_SET}' }\n", "the environment variable NOT_SET is not set"],
    ["certificates: { hosts: [shop.example] }\n", "certificates.hosts.0: expected HOST:PORT"],
    ["process_groups: [{ name: x, cmdline: ['['] }]\n", "process_groups.0.cmdline.0: error parsing regexp"],
  ])("%j is told with its place", (text, message) => {
    let told = "";
    try {
      load(text);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      told = (error as ConfigError).message;
    }
    expect(told).toContain(message);
  });

  test("collectors that are not known, or have no section", () => {
    expect(() => make("", { collectors: "loadavg,diskstat" })).toThrow(/there is no diskstat; known are/);
    expect(() => make("", { collectors: "certificates" })).toThrow(/certificates needs its section/);
    expect(() => make("", { collectors: "loadavg,," })).toThrow(/expected names with commas/);
  });

  test("sections, names, host.enable and host.disable choose collectors", () => {
    expect(make("collectors: [host]\nhost: { disable: [arp], enable: [processes] }\n").collectorNames).toContain(
      "processes",
    );
    expect(make("host: { disable: [arp] }\n").collectorNames).not.toContain("arp");
    expect(make("collectors: [host]\n", { collectors: "loadavg,processes" }).collectorNames).toEqual([
      "loadavg",
      "processes",
    ]);
  });
});

describe("the listener", () => {
  let running: RunningAgent | undefined;
  afterEach(async () => {
    await running?.stop();
    running = undefined;
  });

  async function start(text: string, next = text): Promise<string> {
    const flags = { listen: "127.0.0.1:0", collectors: "loadavg,meminfo" };
    const config = load(text, flags);
    await running?.stop();
    running = undefined;
    running = await startAgent({ config, version: "1", clock: systemClock, logger: silentLogger }, () =>
      load(next, flags),
    );
    return running.url;
  }

  test("/metrics in the text format; other paths and methods", async () => {
    const url = await start("");
    const reply = await fetch(`${url}/metrics`);
    expect(reply.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await reply.text()).toContain("# TYPE node_load1 gauge\nnode_load1 0.21\n");
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
    expect((await fetch(`${url}/etc/passwd`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(405);
    const head = await fetch(`${url}/metrics`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("collect[] narrows to some of the collectors that are on", async () => {
    const url = await start("");
    const text = await (await fetch(`${url}/metrics?collect[]=meminfo`)).text();
    expect(text).toContain("node_memory_MemTotal_bytes");
    expect(text).not.toContain("node_load1");
    expect((await fetch(`${url}/metrics?collect[]=arp`)).status).toBe(400);
    expect((await fetch(`${url}/metrics?collect[]=nothing`)).status).toBe(400);
  });

  test("compressed for who takes it", async () => {
    const url = new URL(`${await start("")}/metrics`);
    const raw = await new Promise<{ encoding: unknown; body: Buffer }>((resolve, reject) => {
      import("node:http").then(({ get }) => {
        const request = get(url, { headers: { "accept-encoding": "gzip" } }, (reply) => {
          const chunks: Buffer[] = [];
          reply.on("data", (chunk: Buffer) => chunks.push(chunk));
          reply.on("end", () => resolve({ encoding: reply.headers["content-encoding"], body: Buffer.concat(chunks) }));
        });
        request.on("error", reject);
      }, reject);
    });
    expect(raw.encoding).toBe("gzip");
    expect(gunzipSync(raw.body).toString()).toContain("node_load1 0.21\n");
  });

  test("with credentials nobody else reads it, and both forms do", async () => {
    const url = await start("auth: { bearer_token_file: token, basic: { username: scraper, password: 's:cret' } }\n");
    const status = async (authorization?: string) =>
      (await fetch(`${url}/metrics`, { headers: authorization === undefined ? {} : { authorization } })).status;
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;
    expect(await status()).toBe(401);
    expect(await status("Bearer wrong")).toBe(401);
    expect(await status("Bearer from-a-file")).toBe(200);
    expect(await status(basic("scraper:s:cret"))).toBe(200);
    expect(await status(basic("other:s:cret"))).toBe(401);
    expect(await status(basic("scraper:"))).toBe(401);
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
  });

  test.skipIf(!openssl)("over TLS; files that do not belong together are told", async () => {
    const dir = temporaryDir("agent-tls-");
    for (const name of ["a", "b"]) {
      const files = ["-keyout", path.join(dir, `${name}.key`), "-out", path.join(dir, `${name}.pem`)];
      const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a"];
      execFileSync(openssl ?? "", ["req", ...kind, ...files], { stdio: "ignore" });
    }
    const section = (cert: string, key: string) => `tls: { cert: ${dir}/${cert}, key: ${dir}/${key} }\n`;
    const url = await start(section("a.pem", "a.key"));
    const text = await new Promise<string>((resolve, reject) => {
      const request = https.get(
        `${url}/metrics`,
        { ca: readFileSync(path.join(dir, "a.pem")), servername: "a" },
        (reply) => {
          let body = "";
          reply.on("data", (chunk) => (body += String(chunk)));
          reply.on("end", () => resolve(body));
        },
      );
      request.on("error", reject);
    });
    expect(text).toContain("node_load1 0.21\n");
    await expect(start(section("a.pem", "b.key"))).rejects.toMatchObject({ code: "TLS_FILES" });
    await expect(start(section("a.pem", "c.key"))).rejects.toMatchObject({ code: "TLS_FILES" });
  });

  test("a taken port is told", async () => {
    const taken = new URL(await start("")).host;
    const config = load("", { listen: taken });
    const options = { config, version: "1", clock: systemClock, logger: silentLogger };
    await expect(startAgent(options, () => config)).rejects.toMatchObject({ code: "PORT_TAKEN" });
  });

  test("a reload takes new credentials; one that is not usable changes nothing", async () => {
    const url = await start("", "auth: { bearer_token: next }\n");
    await running?.reload();
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await fetch(`${url}/metrics`, { headers: { authorization: "Bearer next" } })).status).toBe(200);
  });

  test("a reload that cannot be read leaves the old one in force", async () => {
    const url = await start("", "nonsense: 1\n");
    await expect(running?.reload()).rejects.toBeInstanceOf(ConfigError);
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  });
});
