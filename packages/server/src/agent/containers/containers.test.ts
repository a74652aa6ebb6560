// On trees of files as the kernel writes them and a Docker socket in the test's own process.
import { createServer, type Server } from "node:http";
import { FakeClock } from "@storewatch/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { FakeApi } from "../../collect/discovery/kubernetes/testing/fake-api.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLogger } from "../../kernel/logger.ts";
import { Agent } from "../agent.ts";
import { loadAgentConfig } from "../config.ts";
import { type ParsedPage, parsePage } from "../testing/page-of.ts";
import { makeTree, type Tree } from "../testing/tree.ts";
import { cgroupVersion, identify } from "./cgroups.ts";

const ID = "0123456789abcdef".repeat(4);
const OTHER = "fedcba9876543210".repeat(4);
const UID = "8f0a1b2c-1111-2222-3333-444455556666";
const SUCCESS = 'node_scrape_collector_success{collector="containers"}';

const GROUP = {
  "cpu.stat":
    "usage_usec 12500000\nuser_usec 10000000\nsystem_usec 2500000\nnr_periods 100\nnr_throttled 7\nthrottled_usec 350000\n",
  "cpu.max": "50000 100000\n",
  "cpu.weight": "39\n",
  "memory.current": "104857600\n",
  "memory.peak": "209715200\n",
  "memory.max": "268435456\n",
  "memory.min": "1048576\n",
  "memory.swap.current": "4096\n",
  "memory.swap.max": "max\n",
  "memory.stat":
    "anon 62914560\nfile 41943040\nfile_mapped 8192\ninactive_file 20971520\nactive_file 1024\nkernel 512\npgfault 900\npgmajfault 3\n",
  "memory.events": "low 0\nhigh 0\nmax 11\noom 2\noom_kill 1\noom_group_kill 0\n",
  "io.stat": "259:0 rbytes=1000 wbytes=2000 rios=3 wios=4 dbytes=0 dios=0\n8:16 rbytes=5 wbytes=6 rios=7 wios=8\n",
  "pids.current": "23\n",
  "pids.max": "max\n",
  "cpu.pressure":
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n",
  "cgroup.procs": "4242\n4243\n",
};
const NET =
  "Inter-|   Receive    |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n" +
  "    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: 100 10 1 2 0 0 0 0 200 20 3 4 0 0 0 0\n";

let tree: Tree;
let server: Server | undefined;
let agent: Agent | undefined;

beforeEach(() => {
  tree = makeTree({
    "sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
    "sys/fs/cgroup/cpu.stat": "usage_usec 99000000\nuser_usec 1\nsystem_usec 1\n",
    "sys/fs/cgroup/memory.stat": "anon 1024\nfile 2048\ninactive_file 1024\n",
    "sys/dev/block/259:0/uevent": "MAJOR=259\nMINOR=0\nDEVNAME=nvme0n1\nDEVTYPE=disk\n",
    "sys/devices/system/cpu/cpu0/topology/core_id": "0\n",
    "sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
    "sys/devices/system/cpu/cpu1/topology/core_id": "0\n",
    "sys/devices/system/cpu/cpu1/topology/physical_package_id": "0\n",
    "proc/stat": "cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\n",
    "proc/meminfo": "MemTotal:       16384000 kB\nMemFree:         8192000 kB\nSwapTotal:             0 kB\n",
    "proc/sys/kernel/random/boot_id": "b-1\n",
    "etc/machine-id": "m-1\n",
    "proc/1/net/dev": NET.replace("eth0: 100", "eth0: 999"),
    "proc/1/mounts": "/dev/nvme0n1p1 / ext4 rw 0 0\n",
    "proc/4242/net/dev": NET,
  });
  tree.link("proc/1/ns/net", "net:[1]");
  tree.link("proc/4242/ns/net", "net:[2]");
});

afterEach(async () => {
  await agent?.close();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
  tree.remove(".");
});

function group(id: string, more: Readonly<Record<string, string>> = {}): void {
  const files = Object.entries({ ...GROUP, ...more });
  tree.write(Object.fromEntries(files.map(([name, text]) => [`sys/fs/cgroup${id}/${name}`, text])));
}

async function readPage(section: object = {}): Promise<ParsedPage> {
  tree.write({
    "agent.yml": stringify({ containers: { docker_socket: `${tree.dir}/docker.sock`, ...section } }),
    "account/token": "t",
    "account/ca.crt": "",
  });
  const { dir } = tree;
  const flags = { collectors: "containers", procfs: `${dir}/proc`, sysfs: `${dir}/sys`, rootfs: dir };
  const config = loadAgentConfig({ file: "agent.yml", flags, workingDir: dir, environment: {} });
  // The watch of the API server needs a clock that goes on.
  const clock = "kubernetes" in section ? systemClock : new FakeClock(1_800_000_000_500);
  agent = new Agent({ config, version: "1", clock, logger: silentLogger });
  return parsePage((await agent.page()) ?? "");
}

async function startDocker(answer: unknown, status = 200): Promise<void> {
  server = createServer((_request, response) => {
    response.writeHead(status);
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server?.listen(`${tree.dir}/docker.sock`, resolve));
}

test("a path says whether a group is a container, and of which pod", () => {
  const f = (id: string, containerId: string | undefined, podUid: string | undefined) =>
    expect(identify(id)).toEqual({ containerId, podUid });
  const uid_ = UID.replaceAll("-", "_");
  f("/", undefined, undefined);
  f("/system.slice/ssh.service", undefined, undefined);
  f(`/system.slice/docker-${ID}.scope`, ID, undefined);
  f(`/docker/${ID}`, ID, undefined);
  f(`/docker/${ID}/init.scope`, undefined, undefined);
  f(`/machine.slice/libpod-${ID}.scope`, ID, undefined);
  f(`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid_}.slice`, undefined, UID);
  f(`/kubepods.slice/kubepods-pod${uid_}.slice/cri-containerd-${ID}.scope`, ID, UID);
  f(`/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${uid_}.slice/crio-${ID}.scope`, ID, UID);
  f(`/kubepods/besteffort/pod${UID}/${ID}`, ID, UID);
});

describe("plain Docker", () => {
  test("every family by cAdvisor's name, with the container's name and image", async () => {
    group(`/system.slice/docker-${ID}.scope`);
    await startDocker([
      {
        Id: ID,
        Names: ["/other/alias", "/shop"],
        Image: "registry/shop:1.2",
        Labels: { "com.docker.compose.service": "shop", secret: "x" },
      },
    ]);
    const page = await readPage({ docker_labels: ["com.docker.compose.service"] });
    const labels = `container_label_com_docker_compose_service="shop",id="/system.slice/docker-${ID}.scope",image="registry/shop:1.2",name="shop"`;
    const f = (name: string, expected: number, after = "") =>
      expect(page.series.get(`${name}{${labels.replace(",id", `${after},id`)}}`), name).toBe(expected);
    f("container_memory_working_set_bytes", 83_886_080);
    f("container_memory_usage_bytes", 104_857_600);
    f("container_memory_rss", 62_914_560);
    f("container_memory_cache", 41_943_040);
    f("container_memory_swap", 4096);
    f("container_memory_max_usage_bytes", 209_715_200);
    f("container_memory_failcnt", 11);
    f("container_oom_events_total", 1);
    f("container_spec_memory_limit_bytes", 268_435_456);
    f("container_spec_memory_swap_limit_bytes", 0);
    f("container_spec_memory_reservation_limit_bytes", 1_048_576);
    f("container_spec_cpu_quota", 50_000);
    f("container_spec_cpu_period", 100_000);
    f("container_spec_cpu_shares", 998);
    f("container_cpu_cfs_periods_total", 100);
    f("container_cpu_cfs_throttled_periods_total", 7);
    f("container_cpu_cfs_throttled_seconds_total", 0.35);
    f("container_cpu_user_seconds_total", 10);
    f("container_threads", 23);
    f("container_threads_max", 0);
    f("container_pressure_cpu_waiting_seconds_total", 1.5);
    f("container_pressure_cpu_stalled_seconds_total", 0.5);
    f("container_last_seen", 1_800_000_000);
    f("container_cpu_usage_seconds_total", 12.5, ',cpu="total"');
    f("container_fs_reads_bytes_total", 1000, ',device="/dev/nvme0n1"');
    f("container_fs_writes_total", 8, ',device="8:16"');
    const net = labels.replace(',name="shop"', ',interface="eth0",name="shop"');
    expect(page.series.get(`container_network_receive_bytes_total{${net}}`)).toBe(100);
    expect(page.series.get(`container_network_transmit_packets_dropped_total{${net}}`)).toBe(4);
    expect(page.types.get("container_cpu_usage_seconds_total")).toBe("counter");
    expect(
      [...page.series.keys()].filter((series) => series.includes('interface="lo"') || series.includes("secret")),
    ).toEqual([]);
  });

  test("the machine: cores, memory, the root group", async () => {
    const { series } = await readPage();
    const machine = 'boot_id="b-1",machine_id="m-1",system_uuid=""';
    expect(series.get(`machine_cpu_cores{${machine}}`)).toBe(2);
    expect(series.get(`machine_cpu_physical_cores{${machine}}`)).toBe(1);
    expect(series.get(`machine_memory_bytes{${machine}}`)).toBe(16_384_000 * 1024);
    expect(series.get('container_cpu_usage_seconds_total{cpu="total",id="/"}')).toBe(99);
    expect(series.get('container_memory_working_set_bytes{id="/"}')).toBe(8_192_000 * 1024 - 1024);
    expect(series.get('container_network_receive_bytes_total{id="/",interface="eth0"}')).toBe(999);
    expect(series.get('container_fs_inodes_total{device="/dev/nvme0n1p1",id="/"}')).toBeGreaterThan(0);
  });

  test("no limit of the CPU: no quota and no throttling; a container of the host's network has none of its own", async () => {
    group(`/docker/${ID}`, { "cpu.max": "max 100000\n" });
    tree.remove("proc/4242/ns/net");
    tree.link("proc/4242/ns/net", "net:[1]");
    const names = [...(await readPage()).series.keys()].filter((series) => series.includes(ID));
    expect(names.some((series) => series.startsWith("container_spec_cpu_period{"))).toBe(true);
    expect(names.filter((series) => /^container_(spec_cpu_quota|cpu_cfs|network)/.test(series))).toEqual([]);
  });

  test("a socket that answers nonsense, or an error: the numbers stay, without names, and it is told", async () => {
    group(`/docker/${ID}`);
    await startDocker("{", 500);
    const { series } = await readPage();
    expect(series.get(`container_memory_rss{id="/docker/${ID}",name="${ID}"}`)).toBe(62_914_560);
    expect(series.get("container_scrape_error")).toBe(1);
    expect(series.get(SUCCESS)).toBe(1);
  });

  test("other_groups: false leaves containers alone; max_groups bounds the work", async () => {
    group(`/docker/${ID}`);
    group("/system.slice/ssh.service");
    const some = await readPage({ other_groups: false });
    const ids = [...some.series.keys()].flatMap(
      (series) => /container_memory_rss\{.*id="([^"]*)"/.exec(series)?.[1] ?? [],
    );
    expect(ids).toEqual([`/docker/${ID}`]);
    await agent?.close();
    const cut = await readPage({ max_groups: 1 });
    expect([...cut.series.keys()].filter((series) => series.startsWith("container_last_seen"))).toEqual([
      'container_last_seen{id="/"}',
    ]);
    expect(cut.series.get("container_scrape_error")).toBe(1);
  });
});

describe("Kubernetes", () => {
  const SLICE = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll("-", "_")}.slice`;

  test("names from the API server: container, pod, namespace, image; the pod's network once", async () => {
    group(SLICE, { "cgroup.procs": "" });
    group(`${SLICE}/cri-containerd-${ID}.scope`);
    group(`${SLICE}/cri-containerd-${OTHER}.scope`, { "cgroup.procs": "5000\n" });
    tree.write({ "proc/5000/net/dev": NET });
    tree.link("proc/5000/ns/net", "net:[2]");
    const api = await FakeApi.start();
    api.put("/api/v1/pods", {
      metadata: { name: "web-1", namespace: "shop", uid: UID },
      status: { containerStatuses: [{ name: "app", image: "registry/web:1.2", containerID: `containerd://${ID}` }] },
    } as never);
    const { series } = await readPage({
      kubernetes: { node: "node-1", api_server: api.url, service_account: "account" },
    });
    expect(api.requests[0].query.get("fieldSelector")).toBe("spec.nodeName=node-1");
    const id = `${SLICE}/cri-containerd-${ID}.scope`;
    expect(
      series.get(
        `container_cpu_usage_seconds_total{container="app",cpu="total",id="${id}",image="registry/web:1.2",name="${ID}",namespace="shop",pod="web-1"}`,
      ),
    ).toBe(12.5);
    expect(series.get(`container_memory_rss{id="${SLICE}",namespace="shop",pod="web-1"}`)).toBe(62_914_560);
    // The container that the API does not know holds the pod's network.
    const networks = [...series.keys()].filter(
      (one) => one.startsWith("container_network_receive_bytes_total") && !one.includes('id="/"'),
    );
    expect(networks).toEqual([
      `container_network_receive_bytes_total{id="${SLICE}/cri-containerd-${OTHER}.scope",interface="eth0",name="${OTHER}",namespace="shop",pod="web-1"}`,
    ]);
    await agent?.close();
    agent = undefined;
    await api.stop();
  });

  test("names from the kubelet's links to logs, without the API server", async () => {
    group(`${SLICE}/cri-containerd-${ID}.scope`);
    tree.link(`var/log/containers/web-1_shop_app-${ID}.log`, "/var/log/pods/x");
    const { series } = await readPage();
    const labels = `container="app",id="${SLICE}/cri-containerd-${ID}.scope",name="${ID}",namespace="shop",pod="web-1"`;
    expect(series.get(`container_memory_rss{${labels}}`)).toBe(62_914_560);
  });
});

describe("other machines", () => {
  test("cgroup v1 is named, not read", async () => {
    tree.remove("sys/fs/cgroup");
    tree.write({ "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n" });
    expect(cgroupVersion(`${tree.dir}/sys/fs/cgroup`)).toBe("v1");
    expect(cgroupVersion(`${tree.dir}/proc`)).toBe("none");
    expect((await readPage()).series.get(SUCCESS)).toBe(0);
  });

  test("no section, no collector", () => {
    const config = loadAgentConfig({ workingDir: tree.dir, environment: {}, flags: { collectors: "containers" } });
    const make = () => new Agent({ config, version: "1", clock: systemClock, logger: silentLogger });
    expect(make).toThrow(/containers needs its section/);
  });
});
