// Checks for what a shop stands on. Clients are taken as they are (pg, mysql2, ioredis, redis, Elasticsearch, OpenSearch):
// by the one method that is called, so that this package needs none of them.
import { readFile, statfs } from "node:fs/promises";
import os from "node:os";
import type { CheckFinding, CheckFunction } from "./check.ts";

/** `pg`'s Pool or Client, and what has the same method. */
export function postgresCheck(client: { query(sql: string): unknown }): CheckFunction {
  return async () => {
    await client.query("SELECT 1");
    return undefined;
  };
}

/** `ioredis`, `redis`: an answer other than PONG (or OK) is an error. */
export function redisCheck(client: { ping(): unknown }): CheckFunction {
  return async () => {
    const answer = await client.ping();
    if (answer !== "PONG" && answer !== "OK") throw new Error(`PING was answered with ${String(answer).slice(0, 50)}`);
    return undefined;
  };
}

interface ClusterHealth {
  readonly status?: string;
  readonly number_of_nodes?: number;
}

/** Elasticsearch and OpenSearch clients: yellow is a warning, red an error. Without `cluster`, `ping` has to do. */
export function elasticsearchCheck(client: {
  ping(): unknown;
  readonly cluster?: {
    health(
      parameters?: object,
      options?: { signal?: AbortSignal },
    ): Promise<ClusterHealth | { readonly body?: ClusterHealth }>;
  };
}): CheckFunction {
  return async (signal) => {
    if (client.cluster === undefined) {
      if ((await client.ping()) === false) throw new Error("the cluster did not answer");
      return undefined;
    }
    const answer = await client.cluster.health({}, { signal });
    const health: ClusterHealth = ("body" in answer && answer.body ? answer.body : answer) as ClusterHealth;
    if (health.status === "red") throw new Error("the cluster is red");
    const details = { cluster: health.status ?? "unknown", nodes: health.number_of_nodes ?? 0 };
    return { status: health.status === "green" ? "healthy" : "warning", details };
  };
}

export interface ShareLimits {
  /** Percent from which it is a warning. Default 90. */
  readonly warningPercent?: number;
  /** Percent from which it is an error. Default: never, because a restart or fewer replicas would not help. */
  readonly errorPercent?: number;
}

export interface MemoryLimits extends ShareLimits {
  /** What the service is to stay within, in bytes: its resident memory counts, wherever it runs. */
  readonly limitBytes?: number;
}

/**
 * Memory against what the process may have: `limitBytes`; else the limit of its cgroup (v2, then v1) where there is one,
 * page cache that can be given back left out; else the machine's.
 */
export function memoryCheck(limits: MemoryLimits = {}, files = CGROUP_FILES): CheckFunction {
  const { limitBytes: own } = limits;
  if (own !== undefined && !(own > 0)) throw new RangeError(`memoryCheck: limitBytes ${own} is not above 0`);
  return async () => {
    const usage = process.memoryUsage();
    const { usedBytes, limitBytes, source } =
      own === undefined
        ? ((await cgroupMemory(files)) ?? (await machineMemory()))
        : { usedBytes: usage.rss, limitBytes: own, source: "own limit" };
    return judged((100 * usedBytes) / limitBytes, limits, {
      usedBytes,
      limitBytes,
      source,
      rssBytes: usage.rss,
      heapUsedBytes: usage.heapUsed,
      heapTotalBytes: usage.heapTotal,
      externalBytes: usage.external,
    });
  };
}

/** Room for files of this process at `path`. Default: the working directory. */
export function diskCheck(path = ".", limits: ShareLimits = {}): CheckFunction {
  return async () => {
    const stats = await statfs(path);
    const totalBytes = stats.blocks * stats.bsize;
    const freeBytes = stats.bavail * stats.bsize;
    // As df counts: what is reserved for root is neither used nor free.
    const usedBytes = (stats.blocks - stats.bfree) * stats.bsize;
    const share = usedBytes + freeBytes > 0 ? (100 * usedBytes) / (usedBytes + freeBytes) : 0;
    return judged(share, limits, { path, freeBytes, totalBytes });
  };
}

/** A service that this one calls: an error unless it answers with 2xx or 3xx (or `expectStatus`). */
export function httpCheck(
  url: string | URL,
  options: { expectStatus?: number; headers?: Record<string, string> } = {},
) {
  const check: CheckFunction = async (signal) => {
    const { expectStatus, headers = {} } = options;
    const response = await fetch(url, { signal, headers, redirect: "manual" });
    // The body is of no interest, and an unread one would hold the connection.
    await response.body?.cancel();
    const { status } = response;
    const fine = expectStatus === undefined ? status >= 200 && status < 400 : status === expectStatus;
    if (!fine) throw new Error(`answered with ${status}`);
    return { details: { statusCode: status } };
  };
  return check;
}

function judged(
  percent: number,
  limits: ShareLimits,
  figures: Readonly<Record<string, string | number>>,
): CheckFinding & { status: "healthy" | "warning" | "error" } {
  const { warningPercent = 90, errorPercent = Number.POSITIVE_INFINITY } = limits;
  const status = percent >= errorPercent ? "error" : percent >= warningPercent ? "warning" : "healthy";
  return { status, details: { percent: Math.round(percent * 10) / 10, ...figures } };
}

interface MemoryUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly source: string;
}

const V1 = "/sys/fs/cgroup/memory/";
const CGROUP_FILES = [
  {
    source: "cgroup v2",
    limit: "/sys/fs/cgroup/memory.max",
    used: "/sys/fs/cgroup/memory.current",
    stat: "/sys/fs/cgroup/memory.stat",
    reclaimable: "inactive_file",
  },
  {
    source: "cgroup v1",
    limit: `${V1}memory.limit_in_bytes`,
    used: `${V1}memory.usage_in_bytes`,
    stat: `${V1}memory.stat`,
    reclaimable: "total_inactive_file",
  },
];

async function cgroupMemory(files: typeof CGROUP_FILES): Promise<MemoryUse | undefined> {
  for (const file of files) {
    try {
      const limitBytes = Number(await readFile(file.limit, "utf8"));
      // "max", and v1's huge number, mean that there is none.
      if (!Number.isFinite(limitBytes) || limitBytes <= 0 || limitBytes > os.totalmem()) continue;
      const current = Number(await readFile(file.used, "utf8"));
      const stat = await readFile(file.stat, "utf8");
      const line = stat.split("\n").find((text) => text.startsWith(`${file.reclaimable} `));
      const cache = Number(line?.split(" ")[1] ?? 0);
      return { usedBytes: Math.max(0, current - cache), limitBytes, source: file.source };
    } catch {
      // Not this kind of cgroup, or no cgroup at all.
    }
  }
  return undefined;
}

/** Linux counts its page cache as not free; MemAvailable is what can be had. */
async function machineMemory(): Promise<MemoryUse> {
  const limitBytes = os.totalmem();
  try {
    const match = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile("/proc/meminfo", "utf8"));
    if (match !== null) return { usedBytes: limitBytes - Number(match[1]) * 1024, limitBytes, source: "machine" };
  } catch {
    // Not Linux.
  }
  return { usedBytes: limitBytes - os.freemem(), limitBytes, source: "machine" };
}
