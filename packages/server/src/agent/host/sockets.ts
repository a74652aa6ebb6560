// Protocols: counters, sockets, queues, connection tracking.
import { readFileSync } from "node:fs";
import os from "node:os";
import { Families } from "../families.ts";
import { mustReadText, readNumber, readText } from "../files.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";

export const netstat: HostCollector = {
  name: "netstat",
  read({ paths, section }) {
    const out = new Families();
    const add = (field: string, value: string) => {
      if (!section.netstat.fields(field)) return;
      out.untyped(`node_netstat_${field}`, `Statistic ${field.replace("_", "")}.`, Number(value));
    };
    for (const file of ["netstat", "snmp"]) {
      const lines = mustReadText(`${paths.procfs}/net/${file}`).split("\n");
      // A line of names, a line of values.
      for (let i = 0; i + 1 < lines.length; i += 2) {
        const names = lines[i].split(" ");
        const values = lines[i + 1].split(" ");
        const protocol = names[0].slice(0, -1);
        for (let field = 1; field < names.length; field++) add(`${protocol}_${names[field]}`, values[field]);
      }
    }
    for (const line of (readText(`${paths.procfs}/net/snmp6`) ?? "").split("\n")) {
      // `Ip6InReceives   123`; the protocol ends with the 6.
      const match = /^([A-Za-z]+6)(\w+)\s+(\d+)/.exec(line);
      if (match) add(`${match[1]}_${match[2]}`, match[3]);
    }
    return out;
  },
};

const AT_PAGESZ = 6n;
let pageBytesKnown: number | undefined;

/** Of this machine: the kernel tells every process in its auxiliary vector. */
function pageBytes(): number {
  if (pageBytesKnown !== undefined) return pageBytesKnown;
  let found = 4096;
  try {
    const vector = readFileSync("/proc/self/auxv");
    const word = (at: number) => (os.endianness() === "LE" ? vector.readBigUInt64LE(at) : vector.readBigUInt64BE(at));
    for (let at = 0; at + 16 <= vector.length; at += 16) if (word(at) === AT_PAGESZ) found = Number(word(at + 8));
  } catch {
    // 4096 is right nearly everywhere
  }
  pageBytesKnown = found;
  return found;
}

export const sockstat: HostCollector = {
  name: "sockstat",
  read({ paths }) {
    const out = new Families();
    const text = mustReadText(`${paths.procfs}/net/sockstat`) + (readText(`${paths.procfs}/net/sockstat6`) ?? "");
    for (const line of text.split("\n")) {
      // `TCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1`
      const [name, ...pairs] = line.split(" ");
      const protocol = name.slice(0, -1);
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        const value = Number(pairs[i + 1]);
        if (protocol === "sockets") {
          out.gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.", value);
          continue;
        }
        const metric = `node_sockstat_${protocol}_${pairs[i]}`;
        out.gauge(metric, `Number of ${protocol} sockets in state ${pairs[i]}.`, value);
        if (pairs[i] === "mem") {
          out.gauge(`${metric}_bytes`, `Number of ${protocol} sockets in state mem_bytes.`, value * pageBytes());
        }
      }
    }
    return out;
  },
};

/** Column of /proc/net/softnet_stat → name behind `node_softnet_`. Later kernels have more columns. */
const SOFTNET = [
  [0, "processed_total", "Number of processed packets"],
  [1, "dropped_total", "Number of dropped packets"],
  [2, "times_squeezed_total", "Number of times processing packets ran out of quota"],
  [8, "cpu_collision_total", "Number of collision occur while obtaining device lock while transmitting"],
  [9, "received_rps_total", "Number of times cpu woken up received_rps"],
  [10, "flow_limit_count_total", "Number of times flow limit has been reached"],
  [11, "backlog_len", "Softnet backlog status"],
] as const;
const SOFTNET_CPU = 12;

export const softnet: HostCollector = {
  name: "softnet",
  read({ paths }) {
    const out = new Families();
    const lines = mustReadText(`${paths.procfs}/net/softnet_stat`).trim().split("\n");
    lines.forEach((line, i) => {
      const values = line
        .trim()
        .split(/\s+/)
        .map((hex) => Number.parseInt(hex, 16));
      // Processors that are offline have no line; which it is stands in the line, where the kernel is new enough.
      const cpu = String(values[SOFTNET_CPU] ?? i);
      for (const [column, name, help] of SOFTNET) {
        const value = values[column];
        if (value === undefined) continue;
        if (name === "backlog_len") out.gauge(`node_softnet_${name}`, help, value, { cpu });
        else out.counter(`node_softnet_${name}`, help, value, { cpu });
      }
    });
    return out;
  },
};

export const udpQueues: HostCollector = {
  name: "udp_queues",
  read({ paths }) {
    const out = new Families();
    for (const [file, ip] of [
      ["udp", "v4"],
      ["udp6", "v6"],
    ]) {
      const text = readText(`${paths.procfs}/net/${file}`);
      if (text === undefined) continue;
      const sums = sumQueues(text);
      const help = "Number of allocated memory in the kernel for UDP datagrams in bytes.";
      out.gauge("node_udp_queues", help, sums.tx, { queue: "tx", ip });
      out.gauge("node_udp_queues", help, sums.rx, { queue: "rx", ip });
    }
    if (out.list().length === 0) throw new NothingToCollect("there is no UDP");
    return out;
  },
};

/** Of /proc/net/tcp and the like: `tx_queue:rx_queue` in hexadecimal is the fifth word, the state the fourth. */
function sumQueues(text: string, count?: (state: number) => void): { tx: number; rx: number } {
  const sums = { tx: 0, rx: 0 };
  for (const line of text.split("\n").slice(1)) {
    const words = line.trim().split(/\s+/, 5);
    if (words.length < 5) continue;
    const [tx, rx] = words[4].split(":");
    sums.tx += Number.parseInt(tx, 16);
    sums.rx += Number.parseInt(rx, 16);
    count?.(Number.parseInt(words[3], 16));
  }
  return sums;
}

/** By the kernel's number of the state, from 1. */
const TCP_STATES = [
  "established",
  "syn_sent",
  "syn_recv",
  "fin_wait1",
  "fin_wait2",
  "time_wait",
  "close",
  "close_wait",
  "last_ack",
  "listen",
  "closing",
  "new_syn_recv",
] as const;

export const tcpstat: HostCollector = {
  name: "tcpstat",
  byDefault: false,
  read({ paths }) {
    const counts = new Array<number>(TCP_STATES.length).fill(0);
    const sums = { tx: 0, rx: 0 };
    for (const file of ["tcp", "tcp6"]) {
      const text = readText(`${paths.procfs}/net/${file}`);
      if (text === undefined) continue;
      const more = sumQueues(text, (state) => {
        if (state >= 1 && state <= counts.length) counts[state - 1]++;
      });
      sums.tx += more.tx;
      sums.rx += more.rx;
    }
    const out = new Families();
    const add = (state: string, value: number) =>
      out.gauge("node_tcp_connection_states", "Number of connection states.", value, { state });
    TCP_STATES.forEach((state, i) => {
      if (counts[i] > 0) add(state, counts[i]);
    });
    add("rx_queued_bytes", sums.rx);
    add("tx_queued_bytes", sums.tx);
    return out;
  },
};

const CONNTRACK_STATS = [
  "found",
  "invalid",
  "ignore",
  "insert",
  "insert_failed",
  "drop",
  "early_drop",
  "search_restart",
];

export const conntrack: HostCollector = {
  name: "conntrack",
  read({ paths }) {
    const dir = `${paths.procfs}/sys/net/netfilter`;
    const count = readNumber(`${dir}/nf_conntrack_count`);
    const limit = readNumber(`${dir}/nf_conntrack_max`);
    if (count === undefined || limit === undefined) throw new NothingToCollect("connections are not tracked");
    const out = new Families();
    out.gauge("node_nf_conntrack_entries", "Currently allocated flow entries for connection tracking.", count);
    out.gauge("node_nf_conntrack_entries_limit", "Maximum size of connection tracking table.", limit);
    const stats = readText(`${paths.procfs}/net/stat/nf_conntrack`);
    if (stats === undefined) return out;
    const [head, ...lines] = stats.trim().split("\n");
    const names = head.trim().split(/\s+/);
    // A line for each processor, in hexadecimal.
    const rows = lines.map((line) => line.trim().split(/\s+/));
    for (const name of CONNTRACK_STATS) {
      const column = names.indexOf(name);
      if (column < 0) continue;
      const sum = rows.reduce((total, row) => total + Number.parseInt(row[column], 16), 0);
      out.gauge(`node_nf_conntrack_stat_${name}`, `Connection tracking: ${name.replace("_", " ")}.`, sum);
    }
    return out;
  },
};
