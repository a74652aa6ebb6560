// Which machine it is and what runs on it.
import os from "node:os";
import { Families } from "../families.ts";
import { mustReadText, readNumber, readText } from "../files.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";

export const uname: HostCollector = {
  name: "uname",
  read({ paths }) {
    const kernel = (name: string) => mustReadText(`${paths.procfs}/sys/kernel/${name}`).trim();
    const out = new Families();
    out.gauge("node_uname_info", "System information as provided by the uname system call.", 1, {
      sysname: kernel("ostype"),
      release: kernel("osrelease"),
      version: kernel("version"),
      machine: os.machine(),
      nodename: kernel("hostname"),
      domainname: kernel("domainname"),
    });
    return out;
  },
};

const OS_KEYS = [
  "build_id",
  "id",
  "id_like",
  "image_id",
  "image_version",
  "name",
  "pretty_name",
  "variant",
  "variant_id",
  "version",
  "version_codename",
  "version_id",
] as const;

export const osRelease: HostCollector = {
  name: "os",
  read({ paths }) {
    const root = paths.rootfs.replace(/\/$/, "");
    const text = readText(`${root}/etc/os-release`) ?? readText(`${root}/usr/lib/os-release`);
    if (text === undefined) throw new NothingToCollect("there is no os-release");
    const fields = parseAssignments(text);
    const of = (key: string) => fields.get(key.toUpperCase()) ?? "";
    const out = new Families();
    const labels = Object.fromEntries(OS_KEYS.map((key) => [key, of(key)]));
    out.gauge("node_os_info", "Fields of os-release; the value is 1.", 1, labels);
    const version = /^\d+(\.\d+)?/.exec(of("version_id"))?.[0];
    if (version !== undefined) {
      const { id, id_like, name } = labels;
      out.gauge("node_os_version", "The major.minor part of the OS version.", Number(version), { id, id_like, name });
    }
    const endMs = Date.parse(of("support_end"));
    if (!Number.isNaN(endMs)) {
      const help = "When the support of the OS ends, in unixtime.";
      out.gauge("node_os_support_end_timestamp_seconds", help, endMs / 1000);
    }
    return out;
  },
};

/** `KEY=value` lines, with the quotes and backslashes of a shell. */
function parseAssignments(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Za-z_0-9]+)=(.*)$/.exec(line.trim());
    if (!match) continue;
    const [, key, raw] = match;
    const quoted = /^(["'])(.*)\1$/.exec(raw);
    const value = quoted ? quoted[2] : raw;
    fields.set(key, quoted?.[1] === "'" ? value : value.replace(/\\(.)/g, "$1"));
  }
  return fields;
}

export const selinux: HostCollector = {
  name: "selinux",
  read({ paths }) {
    const enforce = readNumber(`${paths.sysfs}/fs/selinux/enforce`);
    const out = new Families();
    out.gauge("node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false", enforce === undefined ? 0 : 1);
    if (enforce !== undefined) out.gauge("node_selinux_current_mode", "Current SELinux enforcement mode", enforce);
    return out;
  },
};
