// The agent beside the real node_exporter on the same machine: the same series with the same types, and values that are
// the same as far as the machine stands still between two looks.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { findPeer, freePort, waitUntil } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ParsedPage, parsePage } from "../packages/server/src/agent/testing/page-of.ts";

const BIN = path.resolve(import.meta.dirname, "../packages/server/bin/storewatch.mjs");
const exporter = findPeer("prometheus-node-exporter");

/** Debian's package has filters of its own; these are node_exporter's. */
const UPSTREAM_FILTERS = [
  "--collector.netdev.device-exclude=",
  "--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$",
  "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
];
const MORE = ["processes", "interrupts", "tcpstat", "cgroups"];

/** Collectors of subjects that the agent leaves out (docs/agent.md says so), and labels that tell of the exporter itself. */
const NOT_OURS =
  /^node_(scrape_collector|exporter_build_info|systemd|xfs|btrfs|bcache|zfs|nfs|nfsd|ipvs|dmi|rapl|infiniband|fibrechannel|tape|processes_threads_state|cpu_info)/;
/** Come and go with what runs at the moment. */
const FLEETING = /^node_(tcp_connection_states|processes_state|arp_entries|textfile)/;
/** Differ between two looks a moment apart by more than a share. */
const RESTLESS =
  /^node_(load|procs_|processes_|sockstat_|tcp_|netstat_Tcp_CurrEstab|memory_|disk_io_now|timex_(offset|frequency|maxerror|estimated|pps)|filefd_allocated|entropy|softnet_backlog)/;

describe("the agent and node_exporter", () => {
  let child: ChildProcess | undefined;
  let before: ParsedPage;
  let after: ParsedPage;
  let agent: ParsedPage;

  beforeAll(async () => {
    if (!exporter) return;
    const address = `127.0.0.1:${await freePort()}`;
    const argv = [...UPSTREAM_FILTERS, ...MORE.map((name) => `--collector.${name}`), `--web.listen-address=${address}`];
    child = spawn(exporter, argv, { stdio: "ignore" });
    const read = async () => parsePage(await (await fetch(`http://${address}/metrics`)).text());
    await waitUntil(
      () =>
        read().then(
          () => true,
          () => false,
        ),
      20_000,
      () => "node_exporter did not start",
    );
    before = await read();
    const collectors = `host,${MORE.join(",")}`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [BIN, "agent", "--once", "--collectors", collectors],
      {
        maxBuffer: 16 * 1024 * 1024,
      },
    );
    agent = parsePage(stdout);
    after = await read();
  }, 60_000);

  afterAll(() => {
    child?.kill("SIGTERM");
  });

  test.skipIf(!exporter)("the same series: names and labels", () => {
    const wanted = [...before.series.keys()].filter(
      (key) => /^node_/.test(key) && !NOT_OURS.test(key) && !FLEETING.test(key),
    );
    expect(wanted.length).toBeGreaterThan(200);
    expect(wanted.filter((key) => after.series.has(key) && !agent.series.has(key))).toEqual([]);
    for (const name of ["node_tcp_connection_states", "node_processes_state"])
      expect(agent.types.get(name)).toBe("gauge");
  });

  test.skipIf(!exporter)("the same types", () => {
    const types = (page: ParsedPage) =>
      [...page.types].filter(([name]) => agent.types.has(name) && name.startsWith("node_"));
    expect(Object.fromEntries(types(before))).toEqual(
      Object.fromEntries(types(before).map(([name]) => [name, agent.types.get(name)])),
    );
  });

  test.skipIf(!exporter)("values between the exporter's before and after, within a hundredth", () => {
    const off: string[] = [];
    for (const [key, first] of before.series) {
      const last = after.series.get(key);
      const value = agent.series.get(key);
      if (last === undefined || value === undefined || !key.startsWith("node_")) continue;
      if (NOT_OURS.test(key) || FLEETING.test(key) || RESTLESS.test(key)) continue;
      const slack = 0.01 * Math.max(Math.abs(first), Math.abs(last));
      if (value < Math.min(first, last) - slack || value > Math.max(first, last) + slack) {
        off.push(`${key}: ${first} … ${last}, agent ${value}`);
      }
    }
    expect(off).toEqual([]);
    // The restless ones are of the same size at least.
    for (const key of ["node_memory_MemTotal_bytes", "node_memory_SwapTotal_bytes", "node_processes_max_threads"]) {
      expect(agent.series.get(key), key).toBe(before.series.get(key));
    }
    const available = "node_memory_MemAvailable_bytes";
    expect(Math.abs((agent.series.get(available) ?? 0) / (before.series.get(available) ?? 1) - 1)).toBeLessThan(0.2);
  });
});
