// Network devices: counters, state, neighbours, bonds.
import { Families } from "../families.ts";
import { listFolder, mustReadText, readNumber, readText, readWord } from "../files.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector, HostContext } from "./host-collector.ts";

/** Columns of /proc/net/dev behind the name. */
const COLUMNS = [
  ...["bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast"].map((c) => `receive_${c}`),
  ...["bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed"].map((c) => `transmit_${c}`),
];

export const netdev: HostCollector = {
  name: "netdev",
  read({ paths, section }) {
    const out = new Families();
    const add = (column: string, value: number, device: string) =>
      out.counter(`node_network_${column}_total`, `Network device statistic ${column}.`, value, { device });
    for (const line of mustReadText(`${paths.procfs}/net/dev`).split("\n").slice(2)) {
      const colon = line.lastIndexOf(":");
      if (colon < 0) continue;
      const device = line.slice(0, colon).trim();
      if (section.network.device_exclude(device)) continue;
      const values = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/);
      COLUMNS.forEach((column, i) => {
        add(column, Number(values[i] ?? 0), device);
      });
      const unhandled = readNumber(`${paths.sysfs}/class/net/${device}/statistics/rx_nohandler`);
      if (unhandled !== undefined) add("receive_nohandler", unhandled, device);
    }
    return out;
  },
};

/** File in /sys/class/net/DEVICE → name behind `node_network_`, and what it is. Absent or unreadable: no sample. */
const GAUGES = [
  ["addr_assign_type", "address_assign_type"],
  ["carrier", "carrier"],
  ["dev_id", "device_id"],
  ["dormant", "dormant"],
  ["flags", "flags"],
  ["ifindex", "iface_id"],
  ["iflink", "iface_link"],
  ["link_mode", "iface_link_mode"],
  ["mtu", "mtu_bytes"],
  ["name_assign_type", "name_assign_type"],
  ["netdev_group", "net_dev_group"],
  ["tx_queue_len", "transmit_queue_length"],
  ["type", "protocol_type"],
] as const;
const COUNTERS = [
  ["carrier_changes", "carrier_changes_total"],
  ["carrier_up_count", "carrier_up_changes_total"],
  ["carrier_down_count", "carrier_down_changes_total"],
] as const;

export const netclass: HostCollector = {
  name: "netclass",
  read({ paths, section }) {
    const dir = `${paths.sysfs}/class/net`;
    const out = new Families();
    for (const device of listFolder(dir) ?? []) {
      const at = `${dir}/${device}`;
      const state = readWord(`${at}/operstate`);
      // bonding_masters is a file among the folders.
      if (state === undefined || section.network.device_exclude(device)) continue;
      addDevice(out, at, device, state);
    }
    return out;
  },
};

function addDevice(out: Families, at: string, device: string, operstate: string): void {
  const help = (name: string) => `Network device property: ${name}`;
  for (const [file, name] of GAUGES) {
    const value = readNumber(`${at}/${file}`);
    if (value !== undefined) out.gauge(`node_network_${name}`, help(name), value, { device });
  }
  for (const [file, name] of COUNTERS) {
    const value = readNumber(`${at}/${file}`);
    if (value !== undefined) out.counter(`node_network_${name}`, help(name), value, { device });
  }
  // Megabits; -1 where the device knows none.
  const speed = readNumber(`${at}/speed`);
  if (speed !== undefined) out.gauge("node_network_speed_bytes", help("speed_bytes"), speed * 125_000, { device });
  const isUp = operstate === "up";
  out.gauge("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", isUp ? 1 : 0, { device });
  out.gauge("node_network_info", "Non-numeric data of a network device; the value is 1.", 1, {
    device,
    address: readWord(`${at}/address`) ?? "",
    broadcast: readWord(`${at}/broadcast`) ?? "",
    duplex: readWord(`${at}/duplex`) ?? "",
    operstate,
    ifalias: readWord(`${at}/ifalias`) ?? "",
  });
}

export const arp: HostCollector = {
  name: "arp",
  read({ paths, section }) {
    const counts = new Map<string, number>();
    for (const line of mustReadText(`${paths.procfs}/net/arp`).split("\n").slice(1)) {
      const device = line.trim().split(/\s+/)[5];
      if (device !== undefined) counts.set(device, (counts.get(device) ?? 0) + 1);
    }
    const out = new Families();
    for (const [device, count] of counts) {
      if (section.network.device_exclude(device)) continue;
      out.gauge("node_arp_entries", "ARP entries by device", count, { device });
    }
    return out;
  },
};

export const bonding: HostCollector = {
  name: "bonding",
  read({ paths }: HostContext) {
    const dir = `${paths.sysfs}/class/net`;
    const masters = readText(`${dir}/bonding_masters`);
    if (masters === undefined) throw new NothingToCollect("there are no bonds");
    const out = new Families();
    for (const master of masters.trim().split(/\s+/)) {
      if (master === "") continue;
      const slaves = (readWord(`${dir}/${master}/bonding/slaves`) ?? "").split(/\s+/).filter(Boolean);
      // Newer kernels link the members as lower_*, older ones as slave_*.
      const stateOf = (slave: string) =>
        ["lower", "slave"].map((kind) => readWord(`${dir}/${master}/${kind}_${slave}/bonding_slave/mii_status`));
      const active = slaves.filter((slave) => stateOf(slave).includes("up")).length;
      out.gauge("node_bonding_slaves", "Number of configured slaves per bonding interface.", slaves.length, { master });
      out.gauge("node_bonding_active", "Number of active slaves per bonding interface.", active, { master });
    }
    return out;
  },
};
