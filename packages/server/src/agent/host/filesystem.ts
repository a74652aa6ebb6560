// Mounted file systems. A server that went away lets statfs wait for ever: it is asked with a limit, and not again while it
// hangs.
import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";
import { type Clock, sleep } from "@storewatch/model";
import { Families } from "../families.ts";
import { mustReadText, readText } from "../files.ts";
import type { HostCollector, HostContext } from "./host-collector.ts";

/** Two servers that went away together have to leave time for the page: scrapers wait 10 s. */
const STATFS_MS_MAX = 3000;
/** Each holds one of the four threads that all file access of the process shares: local disks need one too. */
const HUNG_REMOTE_MAX = 2;

interface Mount {
  readonly device: string;
  readonly fstype: string;
  readonly mountpoint: string;
  readonly isReadOnly: boolean;
  /** Behind a network, or in memory. */
  readonly isRemote: boolean;
}

export function createFilesystem(ask: (place: string) => Promise<StatsFs> = (place) => statfs(place)): HostCollector {
  const guard = new StatfsGuard(ask);
  return {
    name: "filesystem",
    async read(context) {
      const out = new Families();
      for (const mount of mountsOf(context)) await addMount(out, mount, guard, context);
      return out;
    },
  };
}

/** Those of the first process, as a container sees its own otherwise; local ones first. */
function mountsOf({ paths, section }: HostContext): readonly Mount[] {
  const text = readText(`${paths.procfs}/1/mounts`) ?? mustReadText(`${paths.procfs}/self/mounts`);
  const seen = new Set<string>();
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const [device, at, fstype, options] = line.split(" ", 4);
    if (options === undefined) continue;
    const mountpoint = withoutRoot(unescapeMount(at), paths.rootfs);
    if (section.filesystem.mount_points_exclude(mountpoint) || section.filesystem.fs_types_exclude(fstype)) continue;
    const key = `${device} ${fstype} ${mountpoint}`;
    if (seen.has(key)) continue;
    seen.add(key);
    mounts.push({
      device: unescapeMount(device),
      fstype,
      mountpoint,
      isReadOnly: options.split(",").includes("ro"),
      isRemote: !device.startsWith("/") || device.startsWith("//"),
    });
  }
  return mounts.sort((a, b) => Number(a.isRemote) - Number(b.isRemote));
}

/** The kernel writes blanks, tabs, line ends and backslashes as `\040` and the like. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function withoutRoot(mountpoint: string, rootfs: string): string {
  if (rootfs === "/" || (mountpoint !== rootfs && !mountpoint.startsWith(`${rootfs}/`))) return mountpoint;
  return mountpoint.slice(rootfs.length) || "/";
}

async function addMount(out: Families, mount: Mount, guard: StatfsGuard, { paths, clock }: HostContext): Promise<void> {
  const { device, fstype, mountpoint } = mount;
  const labels = { device, fstype, mountpoint };
  const place = paths.rootfs === "/" ? mountpoint : paths.rootfs + mountpoint;
  const found = await guard.ask(place, mount.isRemote, clock);
  const help = "Whether an error occurred while getting statistics for the given device.";
  out.gauge("node_filesystem_device_error", help, found ? 0 : 1, labels);
  if (!found) return;
  out.gauge("node_filesystem_size_bytes", "Filesystem size in bytes.", found.blocks * found.bsize, labels);
  out.gauge("node_filesystem_free_bytes", "Filesystem free space in bytes.", found.bfree * found.bsize, labels);
  const available = "Filesystem space available to non-root users in bytes.";
  out.gauge("node_filesystem_avail_bytes", available, found.bavail * found.bsize, labels);
  out.gauge("node_filesystem_files", "Filesystem total file nodes.", found.files, labels);
  out.gauge("node_filesystem_files_free", "Filesystem total free file nodes.", found.ffree, labels);
  out.gauge("node_filesystem_readonly", "Filesystem read-only status.", mount.isReadOnly ? 1 : 0, labels);
}

class StatfsGuard {
  /** Places whose answer is still out. */
  private readonly hung = new Set<string>();

  constructor(private readonly statfs: (place: string) => Promise<StatsFs>) {}

  /** Undefined when it fails or takes too long. */
  async ask(place: string, isRemote: boolean, clock: Clock): Promise<StatsFs | undefined> {
    if (this.hung.has(place) || (isRemote && this.hung.size >= HUNG_REMOTE_MAX)) return undefined;
    this.hung.add(place);
    const answered = this.statfs(place).then(
      (found) => found,
      () => undefined,
    );
    answered.then(() => this.hung.delete(place));
    const limit = new AbortController();
    const late = sleep(clock, STATFS_MS_MAX, limit.signal).then(
      () => undefined,
      () => undefined,
    );
    const found = await Promise.race([answered, late]);
    limit.abort();
    return found;
  }
}
