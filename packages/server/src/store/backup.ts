// A copy of the whole data directory, made beside a running server, and the way back.
import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { copyTsdb } from "@storewatch/tsdb";
import { lockDataDir, metadataFile } from "./meta/index.ts";
import { openSqlite } from "./meta/sqlite.ts";

const METRICS = "metrics";
/** Written last: a backup without it is not complete. */
const MARK = "backup.json";
const FORMAT = 1;
/** Locks, copies and what belongs to the demonstration. */
const LEFT_OUT = /^(lock\.db.*|storewatch\.pid|snapshots|replaced-.*|meta\.db.*|metrics|shop\.log|demo|backup\.json)$/;

/** What cannot be done, in one line for the operator. */
class BackupError extends Error {}

export interface BackupResult {
  readonly bytes: number;
}

/** Copies `dataDir` to the empty or new folder `to`. All that was acknowledged before is in it. */
export async function backupDataDir(
  dataDir: string,
  to: string,
  nowMs: number,
  version: string,
): Promise<BackupResult> {
  const inside = path.relative(path.resolve(dataDir), path.resolve(to));
  if (!inside.startsWith("..") && !path.isAbsolute(inside) && !inside.startsWith("snapshots")) {
    throw new BackupError(`${to} lies in the data directory: name a folder outside of it`);
  }
  if (!existsSync(metadataFile(dataDir))) throw new BackupError(`${dataDir} is no data directory of Storewatch`);
  await makeEmpty(to);
  const database = await openSqlite(metadataFile(dataDir));
  try {
    database.exec(`vacuum into '${path.join(to, "meta.db").replaceAll("'", "''")}'`);
  } finally {
    database.close();
  }
  await fs.chmod(path.join(to, "meta.db"), 0o600);
  let bytes = (await fs.stat(path.join(to, "meta.db"))).size;
  if (existsSync(path.join(dataDir, METRICS, "version"))) {
    bytes += (await copyTsdb(path.join(dataDir, METRICS), path.join(to, METRICS), { link: false })).bytes;
  }
  for (const name of await fs.readdir(dataDir)) {
    if (!LEFT_OUT.test(name)) bytes += await copyTree(path.join(dataDir, name), path.join(to, name));
  }
  const mark = { format: FORMAT, version, madeAt: new Date(nowMs).toISOString() };
  await writeDurably(path.join(to, MARK), `${JSON.stringify(mark)}\n`);
  return { bytes };
}

/**
 * Puts a backup in the place of a data directory. What is there already is moved to `replaced-TIME` below it with `force`,
 * and without it refused. Returns where it was moved.
 */
export async function restoreDataDir(
  from: string,
  dataDir: string,
  nowMs: number,
  force: boolean,
): Promise<{ bytes: number; replaced: string | undefined }> {
  await checkBackup(from);
  const found = existsSync(dataDir) ? (await fs.readdir(dataDir)).filter((name) => !/^replaced-/.test(name)) : [];
  if (found.length > 0 && !force) {
    throw new BackupError(`${dataDir} is not empty: --force puts what is there aside`);
  }
  const lock = await lockDataDir(dataDir);
  let replaced: string | undefined;
  try {
    if (found.length > 0) replaced = await putAside(dataDir, found, nowMs);
    let bytes = 0;
    for (const name of await fs.readdir(from)) {
      if (name !== MARK) bytes += await copyTree(path.join(from, name), path.join(dataDir, name));
    }
    return { bytes, replaced };
  } finally {
    lock.release();
  }
}

async function checkBackup(from: string): Promise<void> {
  const text = await fs.readFile(path.join(from, MARK), "utf8").catch(() => undefined);
  if (text === undefined) throw new BackupError(`${from} holds no complete backup: ${MARK} is missing`);
  const mark: unknown = JSON.parse(text);
  const format = (mark as { readonly format?: unknown }).format;
  if (format !== FORMAT) {
    throw new BackupError(`${from} has backup format ${String(format)}, and this version reads ${FORMAT}`);
  }
}

async function putAside(dataDir: string, names: readonly string[], nowMs: number): Promise<string> {
  const replaced = path.join(dataDir, `replaced-${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "")}`);
  await fs.mkdir(replaced, { mode: 0o700 });
  for (const name of names) {
    if (!/^(lock\.db.*|storewatch\.pid)$/.test(name))
      await fs.rename(path.join(dataDir, name), path.join(replaced, name));
  }
  return replaced;
}

async function makeEmpty(dir: string): Promise<void> {
  await fs.mkdir(dir, { recursive: true, mode: 0o700 });
  if ((await fs.readdir(dir)).length > 0) throw new BackupError(`${dir} is not empty`);
}

/** Files that go meanwhile are passed over: their owners replace them by renaming. Modes are kept. */
async function copyTree(from: string, to: string): Promise<number> {
  try {
    const stat = await fs.stat(from);
    if (stat.isDirectory()) {
      await fs.mkdir(to, { recursive: true, mode: stat.mode & 0o777 });
      let bytes = 0;
      for (const name of await fs.readdir(from)) bytes += await copyTree(path.join(from, name), path.join(to, name));
      return bytes;
    }
    if (!stat.isFile() || /\.tmp$/.test(from)) return 0;
    await fs.copyFile(from, to);
    const file = await fs.open(to, "r+");
    await file.datasync().finally(() => file.close());
    return stat.size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await fs.open(file, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
