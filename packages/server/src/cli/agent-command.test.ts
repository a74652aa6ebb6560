import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { temporaryDir } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { runCli } from "./program.ts";

async function cli(args: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const workingDir = temporaryDir("agent-cli-");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(workingDir, name)), { recursive: true });
    writeFileSync(path.join(workingDir, name), text);
  }
  let out = "";
  let err = "";
  const code = await runCli(args, { out: (text) => (out += text), err: (text) => (err += text), workingDir });
  return { code, out, err };
}

test("agent --once prints the page of the paths and collectors that the flags name", async () => {
  const args = [
    "agent",
    "--once",
    "--collectors",
    "loadavg,textfile",
    "--path.procfs",
    "proc",
    "--config",
    "conf/agent.yml",
  ];
  const { code, out } = await cli(args, {
    "proc/loadavg": "0.5 1 2 1/1 1\n",
    "conf/agent.yml": "host: { textfile: { directories: [texts] } }\nlog_level: silent\n",
    "conf/texts/a.prom": "backup_seconds 3\n",
  });
  expect(code).toBe(0);
  expect(out).toContain("# TYPE node_load1 gauge\nnode_load1 0.5\n");
  expect(out).toContain("\nbackup_seconds 3\n");
  expect(out).toContain('node_scrape_collector_success{collector="loadavg"} 1\n');
  expect(out).not.toContain("node_memory");
});

test("what is wrong with the file or the flags is one line, exit 2", async () => {
  expect(await cli(["agent", "--once", "--config", "none.yml"])).toMatchObject({
    code: 2,
    err: "none.yml:1:1: there is no such file\n",
  });
  const file = { "agent.yml": "host:\n  enabled: []\n" };
  expect(await cli(["agent", "--once", "--config", "agent.yml"], file)).toMatchObject({
    code: 2,
    err: "agent.yml:2:3: unknown key `enabled`. Did you mean `enable`?\n",
  });
  expect((await cli(["agent", "--once", "--collectors", "nope"])).err).toMatch(
    /^\(flags\):1:1: collectors: there is no nope/,
  );
});

test("check knows an agent's file by its content", async () => {
  const good = await cli(["check", "agent.yml"], { "agent.yml": "listen: 127.0.0.1:9100\nhost: { disable: [arp] }\n" });
  expect(good).toMatchObject({ code: 0, out: "" });
  const bad = await cli(["check", "agent.yml"], {
    "agent.yml": "process_groups: []\ncollectors: [hots]\ncertificates: { files: [] }\n",
  });
  expect(bad.code).toBe(1);
  expect(bad.out).toContain("agent.yml:2:1: error CONFIG_VALUE collectors: there is no hots");
});
