// The data folder's lock and version. The lock is a file with the owner's pid and start time: two processes on one
// folder would destroy each other's WAL. A lock whose owner is gone is taken over.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Disk, writeFileDurably } from "./disk.ts";

/** The version of everything in the folder. A change of any format raises it, with an upgrade from the one before. */
export const FORMAT_VERSION = 2;
const VERSION_FILE = "version";
const VERSION_LINE = /^storewatch-tsdb (\d+)\n?$/;

/** The folder cannot be used: taken, or written by a newer version. The message is one line for the operator. */
export class DataDirError extends Error {}

interface Owner {
  readonly pid: number;
  /** Start of the process in clock ticks since boot, "" where /proc does not tell. */
  readonly started: string;
}

const heldHere = new Set<string>();

/** Takes the folder's lock; the result gives it back. Throws DataDirError when another process holds it. */
export function lockDataDir(dataDir: string): () => void {
  const path = resolve(dataDir, "lock");
  const inUse = (pid: number) => new DataDirError(`data directory ${dataDir} is in use by process ${pid}`);
  if (heldHere.has(path)) throw inUse(process.pid);
  // The content goes to a file of our own first, so that the lock is never seen half written.
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }));
  try {
    for (let attempt = 0; attempt < 5 && !tryLink(own, path); attempt++) {
      const owner = readOwner(path);
      if (owner && isAlive(owner)) throw inUse(owner.pid);
      removeStale(path, owner);
    }
    if (readOwner(path)?.pid !== process.pid) throw new DataDirError(`data directory ${dataDir} cannot be locked`);
  } finally {
    rmSync(own, { force: true });
  }
  heldHere.add(path);
  return () => {
    heldHere.delete(path);
    rmSync(path, { force: true });
  };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Moves the stale lock away; should another process have taken the lock meanwhile, its lock is put back. */
function removeStale(path: string, stale: Owner | undefined): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = readOwner(aside);
  if (moved && (moved.pid !== stale?.pid || moved.started !== stale?.started)) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function readOwner(path: string): Owner | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(path, "utf8"));
    const { pid, started } = owner as Partial<Owner>;
    return Number.isSafeInteger(pid) && typeof started === "string" ? { pid: pid as number, started } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(owner: Owner): boolean {
  // A pid of our own that this process does not hold: left by an earlier process with the same number (containers).
  if (owner.pid === process.pid) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const started = startOf(owner.pid);
  return started === "" || owner.started === "" || started === owner.started;
}

/** Field 22 of /proc/PID/stat; the name before it, in brackets, may hold anything. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** Is there a store in this folder? */
export async function isDataDir(dir: string): Promise<boolean> {
  const text = await readFile(join(dir, VERSION_FILE), "utf8").catch(() => "");
  return VERSION_LINE.test(text);
}

/** Refuses a folder of a newer version; marks a new one, and one that is upgraded: from then on older ones refuse it. */
export async function checkVersion(disk: Disk, dataDir: string): Promise<void> {
  const mark = () => writeFileDurably(disk, dataDir, VERSION_FILE, Buffer.from(`storewatch-tsdb ${FORMAT_VERSION}\n`));
  const names = await disk.list(dataDir);
  if (!names.includes(VERSION_FILE)) return mark();
  const text = (await disk.read(join(dataDir, VERSION_FILE))).toString("utf8");
  const match = VERSION_LINE.exec(text);
  if (!match) throw new DataDirError(`data directory ${dataDir} has an unreadable version file`);
  if (Number(match[1]) > FORMAT_VERSION) {
    throw new DataDirError(
      `data directory ${dataDir} has format ${match[1]}; this version of Storewatch reads up to ${FORMAT_VERSION}`,
    );
  }
  if (Number(match[1]) < FORMAT_VERSION) await mark();
}
