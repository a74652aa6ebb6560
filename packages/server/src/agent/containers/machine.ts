// machine_*: what containers share.
import { statfsSync } from "node:fs";
import type { Families } from "../families.ts";
import { listFolder, readText, readWord } from "../files.ts";
import type { HostPaths, LabelValues } from "../interface.ts";

/** Bytes of a line of /proc/meminfo. */
export function memoryBytes(procfs: string, key: string): number {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(readText(`${procfs}/meminfo`) ?? "");
  return Number(match?.[1] ?? 0) * 1024;
}

export function addMachine(out: Families, { procfs, sysfs, rootfs }: HostPaths): void {
  const labels: LabelValues = {
    machine_id: readWord(`${rootfs}/etc/machine-id`) ?? "",
    boot_id: readWord(`${procfs}/sys/kernel/random/boot_id`) ?? "",
    system_uuid: readWord(`${sysfs}/class/dmi/id/product_uuid`) ?? "",
  };
  const cores = readText(`${procfs}/stat`)?.match(/^cpu\d+ /gm)?.length ?? 0;
  const { packages, physical } = topology(sysfs);
  out.gauge("machine_cpu_cores", "Number of logical CPU cores.", cores, labels);
  out.gauge("machine_cpu_physical_cores", "Number of physical CPU cores.", physical || cores, labels);
  out.gauge("machine_cpu_sockets", "Number of CPU sockets.", packages || 1, labels);
  out.gauge(
    "machine_memory_bytes",
    "Amount of memory installed on the machine.",
    memoryBytes(procfs, "MemTotal"),
    labels,
  );
  out.gauge(
    "machine_swap_bytes",
    "Amount of swap memory available on the machine.",
    memoryBytes(procfs, "SwapTotal"),
    labels,
  );
  out.gauge("machine_scrape_error", "1 if there was an error while getting machine metrics, 0 otherwise.", 0);
}

function topology(sysfs: string): { readonly packages: number; readonly physical: number } {
  const packages = new Set<string>();
  const physical = new Set<string>();
  for (const cpu of listFolder(`${sysfs}/devices/system/cpu`) ?? []) {
    if (!/^cpu\d+$/.test(cpu)) continue;
    const place = `${sysfs}/devices/system/cpu/${cpu}/topology`;
    const socket = readWord(`${place}/physical_package_id`);
    const core = readWord(`${place}/core_id`);
    if (socket === undefined || core === undefined) continue;
    packages.add(socket);
    physical.add(`${socket}:${core}`);
  }
  return { packages: packages.size, physical: physical.size };
}

/** The machine's root file system; of a container's own layer Docker only tells after counting every file. */
export function addRootFilesystem(out: Families, { procfs, rootfs }: HostPaths, labels: LabelValues): void {
  let about: ReturnType<typeof statfsSync>;
  try {
    about = statfsSync(rootfs);
  } catch {
    return;
  }
  const device = /^(\S+) \/ /m.exec(readText(`${procfs}/1/mounts`) ?? "")?.[1] ?? "";
  const gauge = (name: string, help: string, value: number) =>
    out.gauge(`container_fs_${name}`, help, value, { device, ...labels });
  gauge(
    "limit_bytes",
    "Number of bytes that can be consumed by the container on this filesystem.",
    about.blocks * about.bsize,
  );
  const used = (about.blocks - about.bfree) * about.bsize;
  gauge("usage_bytes", "Number of bytes that are consumed by the container on this filesystem.", used);
  gauge("inodes_total", "Number of Inodes", about.files);
  gauge("inodes_free", "Number of available Inodes", about.ffree);
}
