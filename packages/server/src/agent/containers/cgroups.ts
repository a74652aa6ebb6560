// The tree of cgroup v2, and which of its groups are containers.
import { readdirSync } from "node:fs";
import { readText } from "../files.ts";

/** What a group's path tells. */
export interface CgroupIdentity {
  /** Of the runtime: 64 hexadecimal digits. Undefined: no container. */
  readonly containerId: string | undefined;
  /** The pod that the group is or belongs to. */
  readonly podUid: string | undefined;
}

export interface Cgroup extends CgroupIdentity {
  /** Path below the root, as cAdvisor's `id`: `/` or `/system.slice/docker-….scope`. */
  readonly id: string;
  readonly dir: string;
}

/** Docker, containerd, CRI-O and Podman, with either driver: `docker-<id>.scope` or `<id>`. */
const CONTAINER = /^(?:(?:docker|cri-containerd|crio|libpod)-)?([0-9a-f]{64})(?:\.scope)?$/;
/** `kubepods-burstable-pod<uid>.slice` with `_` for `-`, or `pod<uid>`. A static pod's uid is a hash without dashes. */
const POD = /^(?:(?:kubelet-)?kubepods(?:-[a-z]+)*-)?pod([0-9a-f]{8}[0-9a-f_-]{24,28})(?:\.slice)?$/;
/** Deeper groups are those that a container's own programs made. */
const DEPTH_MAX = 12;

export function identify(id: string): CgroupIdentity {
  let podUid: string | undefined;
  const parts = id.split("/");
  for (const [i, part] of parts.entries()) {
    podUid = POD.exec(part)?.[1]?.replaceAll("_", "-") ?? podUid;
    const containerId = CONTAINER.exec(part)?.[1];
    // Groups below a container's are its own affair.
    if (containerId !== undefined) return { containerId: i === parts.length - 1 ? containerId : undefined, podUid };
  }
  return { containerId: undefined, podUid };
}

export type CgroupVersion = "v2" | "v1" | "none";

export function cgroupVersion(root: string): CgroupVersion {
  if (readText(`${root}/cgroup.controllers`) !== undefined) return "v2";
  // v1, also the hybrid form with a v2 tree that has no controllers: a folder for each controller.
  return (listFolders(root) ?? []).some((name) => name === "memory" || name === "cpu" || name === "cpu,cpuacct")
    ? "v1"
    : "none";
}

export interface Walk {
  readonly groups: readonly Cgroup[];
  /** There are more than `max`. */
  readonly isCut: boolean;
}

/** All groups, parents first; what is below a container is left out. */
export function walkCgroups(root: string, max: number): Walk {
  const groups: Cgroup[] = [];
  const queue: Array<readonly [id: string, depth: number]> = [["/", 0]];
  for (let next = queue.pop(); next; next = queue.pop()) {
    const [id, depth] = next;
    if (groups.length >= max) return { groups, isCut: true };
    const dir = id === "/" ? root : root + id;
    const identity = identify(id);
    groups.push({ id, dir, ...identity });
    if (identity.containerId !== undefined || depth >= DEPTH_MAX) continue;
    for (const name of listFolders(dir) ?? []) queue.push([id === "/" ? `/${name}` : `${id}/${name}`, depth + 1]);
  }
  return { groups, isCut: false };
}

/** The first process in the group or right below it, where a container runs systemd. */
export function firstPid(dir: string): string | undefined {
  for (const place of [dir, ...(listFolders(dir) ?? []).map((name) => `${dir}/${name}`)]) {
    const pid = /^\d+/.exec(readText(`${place}/cgroup.procs`) ?? "")?.[0];
    if (pid !== undefined && pid !== "0") return pid;
  }
  return undefined;
}

function listFolders(dir: string): readonly string[] | undefined {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch {
    return undefined;
  }
}
