// Real targets: what Prometheus and node_exporter say in protobuf and in text has to be the same series, types and values.
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findPeer, freePort, temporaryDir, waitUntil } from "@storewatch/testkit";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../kernel/clock.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createCollector } from "./collector.ts";
import { fileSources, loadPrometheusConfig } from "./prometheus-config.ts";
import { FakeStore } from "./testing/fake-store.ts";

const PEERS = [
  { program: "prometheus", argv: ["--config.file=prometheus.yml", "--storage.tsdb.path=data"] },
  { program: "prometheus-node-exporter", argv: [] },
];

describe.each(PEERS)("$program", ({ program, argv }) => {
  const found = findPeer(program);
  let child: ChildProcess;
  let dir: string;
  let address: string;

  beforeAll(async () => {
    if (!found) return;
    dir = temporaryDir("collect-peers-");
    writeFileSync(path.join(dir, "prometheus.yml"), "global: {}\n");
    address = `127.0.0.1:${await freePort()}`;
    child = spawn(found, [...argv, `--web.listen-address=${address}`], { cwd: dir, stdio: "ignore" });
    const ready = () =>
      fetch(`http://${address}/metrics`).then(
        (reply) => reply.ok,
        () => false,
      );
    await waitUntil(ready, 30_000, () => `${program} did not become ready`);
  }, 40_000);

  afterAll(async () => {
    if (!found) return;
    await new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
    rmSync(dir, { recursive: true });
  });

  test.skipIf(!found)(
    "the same in protobuf as in text",
    async () => {
      const store = new FakeStore();
      const file = path.join(dir, "scrape.yml");
      const job = (name: string, protocol: string) =>
        `  - job_name: ${name}\n    scrape_protocols: [${protocol}]\n    static_configs: [{ targets: ["${address}"] }]\n` +
        "    metric_relabel_configs: [{ regex: job, action: labeldrop }]\n";
      const jobs = job("text", "PrometheusText0.0.4") + job("proto", "PrometheusProto");
      writeFileSync(file, `global: { scrape_interval: 500ms }\nscrape_configs:\n${jobs}`);
      const collector = createCollector({
        store,
        config: loadPrometheusConfig(file, fileSources({})),
        clock: systemClock,
        logger: silentLogger,
        metrics: new Registry(),
      });
      collector.start();
      const rows = (name: string) => store.find(`${name} `)[0]?.rows ?? [];
      await waitUntil(() => Promise.resolve(rows("text").length > 2 && rows("proto").length > 2), 20_000);
      await collector.stop();
      // Series of the scrape itself tell of the job; the rest must not differ.
      const last = (name: string) =>
        new Map([...rows(name).at(-1)!.values].filter(([series]) => !/^(up|scrape_)/.test(series)));
      const text = last("text");
      const proto = last("proto");
      expect(text.size).toBeGreaterThan(200);
      expect([...proto.keys()].sort()).toEqual([...text.keys()].sort());
      // What stands still is equal to the last bit: nearly all of a process that does nothing.
      const equal = [...text].filter(([series, value]) => Object.is(value, proto.get(series))).length;
      expect(equal).toBeGreaterThan(0.6 * text.size);
      const types = new Map([...collector.board.metadata()].map(([family, variants]) => [family, variants.length]));
      expect([...types].filter(([, variants]) => variants > 1)).toEqual([]);
    },
    40_000,
  );
});
