import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { FakeClock } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLogger } from "../../kernel/logger.ts";
import { Agent } from "../agent.ts";
import { loadAgentConfig } from "../config.ts";
import { renderPage } from "../exposition.ts";
import { makeHostTree } from "../testing/host-tree.ts";
import { type ParsedPage, parsePage } from "../testing/page-of.ts";
import { makeTree, type Tree } from "../testing/tree.ts";
import { createFilesystem } from "./filesystem.ts";
import { hostSchema } from "./section.ts";
import { unitFamilies } from "./systemd.ts";
import { timexFamilies } from "./timex.ts";

const ROOT = path.resolve(import.meta.dirname, "../../../../..");
const NOW_MS = 1_800_000_000_500;

/** All collectors of the host, but timex, which no tree can show. */
const ALL =
  "arp,bonding,cgroups,conntrack,cpu,cpufreq,diskstats,edac,entropy,filefd,filesystem,hwmon,interrupts,kernel_hung,loadavg," +
  "mdadm,meminfo,netclass,netdev,netstat,nvme,os,powersupplyclass,pressure,processes,schedstat,selinux,sockstat,softnet,stat," +
  "tcpstat,textfile,thermal_zone,time,udp_queues,uname,vmstat";

let tree: Tree;
let agent: Agent;
let page: ParsedPage;

beforeAll(async () => {
  tree = makeHostTree();
  tree.write({
    "agent.yml": "host: { textfile: { directories: [texts] } }\n",
    "texts/a.prom": "# HELP backup_seconds Time.\n# TYPE backup_seconds gauge\nbackup_seconds 12\n",
    "texts/b.prom": "broken {\n",
  });
  const flags = {
    collectors: ALL,
    procfs: `${tree.dir}/proc`,
    sysfs: `${tree.dir}/sys`,
    rootfs: tree.dir,
    udevData: `${tree.dir}/run/udev`,
  };
  const config = loadAgentConfig({ file: "agent.yml", flags, workingDir: tree.dir, environment: {} });
  agent = new Agent({ config, version: "1", clock: new FakeClock(NOW_MS), logger: silentLogger });
  page = parsePage((await agent.page()) ?? "");
});

afterAll(async () => {
  await agent.close();
  tree.remove(".");
});

/** Series of the families with these names, without what differs from machine to machine. */
function seriesOf(...names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...page.series].filter(([series]) => names.includes(series.split("{")[0])));
}

test("every collector succeeds on a machine that has everything", () => {
  const failed = [...page.series].filter(
    ([series, value]) => series.startsWith("node_scrape_collector_succ") && value !== 1,
  );
  expect(failed).toEqual([]);
  expect(page.series.get('node_scrape_collector_success{collector="mdadm"}')).toBe(1);
});

describe("the kernel's numbers", () => {
  test("processor time in seconds, guests too; short lines of old kernels", () => {
    expect(page.series.get('node_cpu_seconds_total{cpu="0",mode="idle"}')).toBe(400);
    expect(page.series.get('node_cpu_seconds_total{cpu="1",mode="steal"}')).toBe(0.08);
    expect(seriesOf("node_cpu_guest_seconds_total")).toEqual({
      'node_cpu_guest_seconds_total{cpu="0",mode="user"}': 0.4,
      'node_cpu_guest_seconds_total{cpu="0",mode="nice"}': 0.5,
      'node_cpu_guest_seconds_total{cpu="1",mode="user"}': 0,
      'node_cpu_guest_seconds_total{cpu="1",mode="nice"}': 0,
    });
  });

  test("a counter does not follow a small step back of the kernel, a processor that was offline starts anew", async () => {
    const line = (idle: number, user: number) => `cpu0 ${user} 0 0 ${idle} 0 0 0 0 0 0\n`;
    const idleAfter = async (text: string) => {
      tree.write({ "proc/stat": text });
      return parsePage((await agent.page(["cpu"])) ?? "").series.get('node_cpu_seconds_total{cpu="0",mode="idle"}');
    };
    const before = readFileSync(`${tree.dir}/proc/stat`, "utf8");
    expect(await idleAfter(line(39_900, 1100))).toBe(400);
    expect(await idleAfter(line(40_100, 1100))).toBe(401);
    expect(await idleAfter(line(100, 1))).toBe(1);
    tree.write({ "proc/stat": before });
  });

  test("throttling: once for a core and a package, though its threads share the counters", () => {
    expect(seriesOf("node_cpu_core_throttles_total", "node_cpu_package_throttles_total")).toEqual({
      'node_cpu_core_throttles_total{core="0",package="0"}': 5,
      'node_cpu_package_throttles_total{package="0"}': 30,
    });
  });

  test("memory, paging, load, counters, stalls", () => {
    expect(page.series.get("node_memory_MemTotal_bytes")).toBe(3_742_148 * 1024);
    expect(page.series.get("node_memory_Active_anon_bytes")).toBe(2_068_484 * 1024);
    expect(page.series.get("node_memory_HugePages_Total")).toBe(3);
    expect(page.series.get("node_vmstat_oom_kill")).toBe(2);
    expect(page.series.has("node_vmstat_nr_free_pages")).toBe(false);
    expect(page.types.get("node_vmstat_oom_kill")).toBe("untyped");
    expect(page.series.get("node_load15")).toBe(0.39);
    expect(page.series.get("node_intr_total")).toBe(8_885_917);
    expect(page.series.get("node_boot_time_seconds")).toBe(1_418_183_276);
    expect(page.series.get("node_pressure_irq_stalled_seconds_total")).toBe(0.008494);
    expect(page.series.get("node_pressure_cpu_waiting_seconds_total")).toBe(14.036781);
    expect(page.series.get('node_schedstat_running_seconds_total{cpu="0"}')).toBe(2_045_936.778163039);
    expect(page.series.get("node_filefd_maximum")).toBe(1_631_329);
    expect(page.series.get("node_time_seconds")).toBe(NOW_MS / 1000);
    expect(page.series.get('node_cgroups_enabled{subsys_name="rdma"}')).toBe(0);
    expect(seriesOf("node_processes_state")).toEqual({
      'node_processes_state{state="S"}': 1,
      'node_processes_state{state="D"}': 1,
    });
    expect(page.series.get("node_processes_threads")).toBe(5);
    expect(page.series.get('node_interrupts_total{cpu="1",devices="2-edge timer",info="IO-APIC",type="0"}')).toBe(3);
    expect(page.series.get('node_interrupts_total{cpu="0",devices="",info="Non-maskable interrupts",type="NMI"}')).toBe(
      47,
    );
  });

  test("adjtimex: a struct of a 64-bit kernel", () => {
    const bytes = Buffer.alloc(208);
    bytes.writeBigInt64LE(-1500n, 8);
    bytes.writeBigInt64LE(16_000_000n, 24);
    bytes.writeInt32LE(0x2041, 40);
    bytes.writeBigInt64LE(10_000n, 88);
    bytes.writeInt32LE(37, 160);
    const values = Object.fromEntries(
      timexFamilies({ state: 5, bytes })
        .list()
        .map(({ name, samples }) => [name.slice("node_timex_".length), samples[0].value]),
    );
    expect(values).toMatchObject({
      sync_status: 0,
      offset_seconds: -1.5e-6,
      maxerror_seconds: 16,
      tick_seconds: 0.01,
      tai_offset_seconds: 37,
      frequency_adjustment_ratio: 1,
      status: 0x2041,
    });
  });
});

describe("disks", () => {
  test("counters with units; columns that the kernel has not are left out; partitions are not told", () => {
    expect(page.series.get('node_disk_io_time_seconds_total{device="sda"}')).toBe(9653.88);
    expect(page.series.get('node_disk_written_bytes_total{device="nvme0n1"}')).toBe(39_451_633 * 512);
    expect(seriesOf("node_disk_flush_requests_total")).toEqual({ 'node_disk_flush_requests_total{device="sda"}': 104 });
    expect([...page.series.keys()].filter((series) => series.includes('"sda1"'))).toEqual([]);
    expect(Object.keys(seriesOf("node_disk_info"))).toContain(
      'node_disk_info{device="sda",major="8",minor="0",model="ST3000",path="pci-0000",revision="CC43",serial="Z1F0",wwn="0x5000"}',
    );
    expect(page.series.get('node_disk_ata_rotation_rate_rpm{device="sda"}')).toBe(7200);
  });

  test("file systems: those of the host, without those of the kernel, an error where one cannot be asked", () => {
    expect(seriesOf("node_filesystem_device_error", "node_filesystem_readonly")).toEqual({
      'node_filesystem_device_error{device="/dev/sda3",fstype="ext4",mountpoint="/"}': 0,
      'node_filesystem_readonly{device="/dev/sda3",fstype="ext4",mountpoint="/"}': 0,
      'node_filesystem_device_error{device="/dev/sdb1",fstype="xfs",mountpoint="/with blank"}': 0,
      'node_filesystem_readonly{device="/dev/sdb1",fstype="xfs",mountpoint="/with blank"}': 1,
      'node_filesystem_device_error{device="/dev/gone",fstype="ext4",mountpoint="/not/there"}': 1,
      'node_filesystem_device_error{device="tmpfs",fstype="tmpfs",mountpoint="/run/lock"}': 1,
    });
  });

  test("RAID: disks by state, progress of a recovery, a waiting resync, an array without redundancy", () => {
    const disks = (device: string) =>
      ["active", "failed", "spare"].map((state) =>
        page.series.get(`node_md_disks{device="${device}",state="${state}"}`),
      );
    expect(disks("md6")).toEqual([1, 1, 1]);
    expect(disks("md9")).toEqual([2, 0, 0]);
    expect(page.series.get('node_md_disks_required{device="md6"}')).toBe(2);
    expect(page.series.get('node_md_state{device="md6",state="recovering"}')).toBe(1);
    expect(page.series.get('node_md_state{device="md6",state="active"}')).toBe(0);
    expect(page.series.get('node_md_state{device="md201",state="resync"}')).toBe(1);
    expect(page.series.get('node_md_state{device="md4",state="inactive"}')).toBe(1);
    expect(seriesOf("node_md_blocks_synced")).toEqual({
      'node_md_blocks_synced{device="md6"}': 16_775_552,
      'node_md_blocks_synced{device="md0"}': 248_896,
      'node_md_blocks_synced{device="md201"}': 0,
      'node_md_blocks_synced{device="md4"}': 4_883_648,
      'node_md_blocks_synced{device="md9"}': 523_968,
    });
  });

  test("NVMe", () => {
    expect(Object.keys(seriesOf("node_nvme_info"))).toEqual([
      'node_nvme_info{cntlid="1997",device="nvme0",firmware_revision="1B2QEXP7",model="Samsung SSD 970 PRO 512GB",serial="S680HF8N190894I",state="live"}',
    ]);
  });
});

describe("network", () => {
  test("devices, also with a colon in the name", () => {
    expect(page.series.get('node_network_receive_bytes_total{device="eth0"}')).toBe(68_210_035_552);
    expect(page.series.get('node_network_transmit_compressed_total{device="eth0"}')).toBe(12);
    expect(page.series.get('node_network_receive_nohandler_total{device="eth0"}')).toBe(21);
    expect(page.series.get('node_network_receive_bytes_total{device="ip6:tnl"}')).toBe(7);
    expect(page.series.get('node_network_speed_bytes{device="eth0"}')).toBe(125_000_000);
    expect(page.series.get('node_network_flags{device="eth0"}')).toBe(0x1303);
    expect(page.types.get("node_network_carrier_changes_total")).toBe("counter");
    expect(seriesOf("node_network_up")).toEqual({ 'node_network_up{device="eth0"}': 1 });
  });

  test("neighbours, bonds, protocols, sockets, queues, tracking", () => {
    expect(page.series.get('node_arp_entries{device="eth0"}')).toBe(2);
    expect(seriesOf("node_bonding_active", "node_bonding_slaves")).toEqual({
      'node_bonding_active{master="dmz"}': 1,
      'node_bonding_slaves{master="dmz"}': 2,
      'node_bonding_active{master="int"}': 0,
      'node_bonding_slaves{master="int"}': 0,
    });
    expect(page.series.get("node_netstat_TcpExt_TCPOFOQueue")).toBe(42);
    expect(page.series.has("node_netstat_TcpExt_Unwanted")).toBe(false);
    expect(page.series.get("node_netstat_Ip6_InOctets")).toBe(460);
    expect(page.series.get("node_netstat_Udp6_InErrors")).toBe(3);
    expect(page.series.get("node_sockstat_sockets_used")).toBe(229);
    expect(page.series.get("node_sockstat_TCP6_inuse")).toBe(17);
    expect((page.series.get("node_sockstat_UDP_mem_bytes") ?? 0) % 8192).toBe(0);
    expect(page.series.get('node_softnet_times_squeezed_total{cpu="0"}')).toBe(1);
    expect(page.series.get('node_softnet_flow_limit_count_total{cpu="3"}')).toBe(3);
    expect(page.series.get('node_udp_queues{ip="v4",queue="tx"}')).toBe(21);
    expect(page.series.get('node_tcp_connection_states{state="established"}')).toBe(1);
    expect(page.series.get("node_nf_conntrack_stat_invalid")).toBe(21);
  });
});

test("sensors: units, labels, chips named by their device", () => {
  const chip = 'chip="platform_coretemp_0"';
  expect(page.series.get(`node_hwmon_temp_celsius{${chip},sensor="temp1"}`)).toBe(55);
  expect(page.series.get(`node_hwmon_temp_crit_celsius{${chip},sensor="temp1"}`)).toBe(100);
  expect(page.series.get(`node_hwmon_temp_crit_alarm_celsius{${chip},sensor="temp1"}`)).toBe(0);
  expect(page.series.get(`node_hwmon_temp_alarm{${chip},sensor="temp1"}`)).toBe(1);
  expect(page.series.get(`node_hwmon_power_average_watt{${chip},sensor="power1"}`)).toBe(15);
  expect(page.series.get(`node_hwmon_energy_joule_total{${chip},sensor="energy1"}`)).toBe(2.5);
  expect(page.series.get(`node_hwmon_in_volts{${chip},sensor="in0"}`)).toBe(0.792);
  expect(page.series.get(`node_hwmon_sensor_label{${chip},label="Physical id 0",sensor="temp1"}`)).toBe(1);
  expect(page.series.get(`node_hwmon_chip_names{${chip},chip_name="coretemp"}`)).toBe(1);
  expect(seriesOf("node_hwmon_fan_rpm", "node_hwmon_fan_manual")).toEqual({
    'node_hwmon_fan_rpm{chip="platform_applesmc_768",sensor="fan1"}': 1998,
    'node_hwmon_fan_manual{chip="platform_applesmc_768",sensor="fan1"}': 0,
  });
  expect(page.series.get('node_thermal_zone_temp{type="cpu-thermal",zone="0"}')).toBe(12.376);
  expect(page.series.get('node_power_supply_energy_watthour{power_supply="BAT0"}')).toBe(36.58);
  expect(page.series.get('node_edac_csrow_uncorrectable_errors_total{controller="0",csrow="unknown"}')).toBe(6);
});

test("the system's name and version; quotes of os-release are undone", () => {
  expect(page.series.get('node_os_version{id="ubuntu",id_like="debian",name="Ubuntu"}')).toBe(20.04);
  expect(Object.keys(seriesOf("node_os_info"))[0]).toContain('pretty_name="Ubuntu 20.04.2 \\"LTS\\""');
  expect(page.series.get("node_os_support_end_timestamp_seconds")).toBe(Date.UTC(2030, 0, 1) / 1000);
  expect(Object.keys(seriesOf("node_uname_info"))[0]).toMatch(
    /nodename="shop1",release="6.1.0-9-amd64",sysname="Linux"/,
  );
});

const UNITS =
  "Id=shop.service\nLoadState=loaded\nActiveState=failed\nType=notify\nNRestarts=3\n\n" +
  "Id=db.socket\nLoadState=loaded\nActiveState=active\nNAccepted=7\nNConnections=2\nNRefused=1\n\n" +
  "Id=-.mount\nLoadState=loaded\nActiveState=active\nType=ext4\n\n" +
  "Id=gone.service\nLoadState=not-found\nActiveState=inactive\nType=\nNRestarts=0\n";

test("systemd: states of units, restarts, sockets; what is excluded or not loaded is only counted", () => {
  const families = unitFamilies(UNITS, (name) => name.endsWith(".mount")).list();
  const { series } = parsePage(renderPage([families]).text);
  expect(Object.fromEntries([...series].filter(([key, value]) => value !== 0 || key.includes("gone")))).toEqual({
    'node_systemd_unit_state{name="shop.service",state="failed",type="notify"}': 1,
    'node_systemd_unit_state{name="db.socket",state="active",type=""}': 1,
    'node_systemd_service_restart_total{name="shop.service"}': 3,
    'node_systemd_socket_accepted_connections_total{name="db.socket"}': 7,
    'node_systemd_socket_current_connections{name="db.socket"}': 2,
    'node_systemd_socket_refused_connections_total{name="db.socket"}': 1,
    'node_systemd_units{state="active"}': 2,
    'node_systemd_units{state="failed"}': 1,
    'node_systemd_units{state="inactive"}': 1,
  });
  expect(series.get('node_systemd_unit_state{name="shop.service",state="active",type="notify"}')).toBe(0);
});

test("mounts whose servers are away are given up in time, not asked again before they answer, and hide no local disk", async () => {
  const clock = new FakeClock();
  const asked: string[] = [];
  const answers: Array<() => void> = [];
  let isAway = true;
  const filesystem = createFilesystem((place) => {
    asked.push(place);
    const found = { type: 0, bsize: 4096, blocks: 10, bfree: 5, bavail: 4, files: 3, ffree: 2 };
    if (!place.startsWith("/nfs") || !isAway) return Promise.resolve(found);
    return new Promise((resolve) => {
      answers.push(() => resolve(found));
    });
  });
  const nfs = [1, 2, 3].map((n) => `server:/share${n} /nfs${n} nfs4 rw 0 0\n`).join("");
  const mounts = makeTree({ "1/mounts": `${nfs}/dev/sda1 /data ext4 rw 0 0\n` });
  const paths = { procfs: mounts.dir, sysfs: "/", rootfs: "/", udevData: "/" };
  const section = hostSchema.parse(undefined);
  const { signal } = new AbortController();
  const errors = async () => {
    const reading = filesystem.read({ clock, logger: silentLogger, paths, resolve: String, section, signal });
    await clock.advance(6000);
    const { series } = parsePage(renderPage([(await reading).list()]).text);
    const found = [...series].filter(([key]) => key.startsWith("node_filesystem_device_error"));
    return Object.fromEntries(found.map(([key, value]) => [/mountpoint="(.*)"/.exec(key)?.[1], value]));
  };
  const away = { "/data": 0, "/nfs1": 1, "/nfs2": 1, "/nfs3": 1 };
  expect(await errors()).toEqual(away);
  expect(await errors()).toEqual(away);
  expect(asked).toEqual(["/data", "/nfs1", "/nfs2", "/data"]);
  isAway = false;
  for (const answer of answers) answer();
  await clock.advance(0);
  expect(await errors()).toEqual({ "/data": 0, "/nfs1": 0, "/nfs2": 0, "/nfs3": 0 });
});

test("text files: a broken one is told and does not hide the others", () => {
  expect(page.series.get("backup_seconds")).toBe(12);
  expect(page.series.get("node_textfile_scrape_error")).toBe(1);
  expect(Object.keys(seriesOf("node_textfile_mtime_seconds"))).toHaveLength(1);
});

// What dashboards and rules ask for by these names though no collector of node_exporter of that name gives it.
const NOT_OURS: Readonly<Record<string, string>> = {
  node_kernel_hung_tasks: "the exporter's own name has _total",
};
/** Recorded by the mixins' own rules, or of the dashboards' words. */
const RECORDED =
  /^node_(cpu|local|group|exporter|quantile|num_cpu|load1_per_cpu|(cpu|memory)_utili[sz]ation|disk_io_time(_weighted)?_seconds|namespace_pod\w*|network_\w+_(excluding_lo|physical))$/;

test("names in dashboards and community rules: every one is on the page", ({ skip }) => {
  const data = path.join(ROOT, "../shared/conformance");
  if (!statSync(data, { throwIfNoEntry: false })) return skip("no conformance data");
  const asked = new Set<string>();
  for (const folder of ["dashboards", "community-rules"]) {
    for (const file of filesBelow(path.join(data, folder))) {
      for (const [name] of readFileSync(file, "utf8").matchAll(/\bnode_[a-zA-Z0-9_]+/g)) asked.add(name);
    }
  }
  const given = new Set([...page.series.keys()].map((series) => series.split("{")[0]));
  for (const { name } of timexFamilies({ state: 0, bytes: Buffer.alloc(208) }).list()) given.add(name);
  for (const { name } of unitFamilies(UNITS, () => false).list()) given.add(name);
  // The tree has few of the fields that are passed on as the kernel names them.
  const byField = /^node_(memory|netstat|vmstat|sockstat)_[A-Za-z0-9]+(_\w+)?$/;
  const missing = [...asked].filter(
    (name) => !given.has(name) && !byField.test(name) && !RECORDED.test(name) && !(name in NOT_OURS),
  );
  expect(asked.size).toBeGreaterThan(200);
  expect(missing).toEqual([]);
});

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(dir, entry.name);
    return entry.isDirectory() ? filesBelow(name) : [name];
  });
}
