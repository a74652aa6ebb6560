// A copy of a data directory, made while its owner works on it: what a kill at that moment would leave. The files are
// copied, and copied again when a checkpoint or a change of the list of blocks came in between.
import { constants, promises as fs } from "node:fs";
import { join } from "node:path";
import { DataDirError, isDataDir } from "./data-dir.ts";

const ATTEMPTS = 10;
const LOG_FILE = /^(\d{10}\.(wal|checkpoint)|erasing)$/;
const BLOCK_FILE = /^(b\d{10}\.blk|s\d{10}\.def|manifest)$/;
/** Not changed once they are listed in the manifest. */
const IMMUTABLE = /\.(blk|def)$/;

export interface CopyOptions {
  /** Immutable files become hard links where the file system allows it: quick, and no copy against a failing disk. */
  readonly link: boolean;
}

/** Copies the store in `from` to the folder `to`, which must be empty or absent. Returns the copy's size. */
export async function copyTsdb(from: string, to: string, { link }: CopyOptions): Promise<{ bytes: number }> {
  if (!(await isDataDir(from))) throw new DataDirError(`${from} holds no metrics`);
  await fs.mkdir(to, { recursive: true, mode: 0o750 });
  if ((await fs.readdir(to)).length > 0) throw new DataDirError(`${to} is not empty`);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await listing(from);
    try {
      const bytes = await copyAll(from, to, before, link);
      if (same(before, await listing(from))) return { bytes };
    } catch (error) {
      // A file went while it was copied.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    for (const name of await fs.readdir(to)) await fs.rm(join(to, name), { recursive: true });
  }
  throw new DataDirError(`${from} changes all the time: no copy was made in ${ATTEMPTS} attempts`);
}

interface Listing {
  readonly log: readonly string[];
  readonly blocks: readonly string[];
  readonly manifest: Buffer;
}

async function listing(dir: string): Promise<Listing> {
  const names = (folder: string) => fs.readdir(join(dir, folder)).catch(() => []);
  const manifest = await fs.readFile(join(dir, "blocks", "manifest")).catch(() => Buffer.alloc(0));
  return {
    log: (await names("wal")).filter((name) => LOG_FILE.test(name)).sort(),
    blocks: (await names("blocks")).filter((name) => BLOCK_FILE.test(name)).sort(),
    manifest,
  };
}

/** Blocks that are being written are no part of it: the manifest tells. New segments only add to what was copied. */
function same(before: Listing, after: Listing): boolean {
  const gone = before.log.some((name) => !after.log.includes(name));
  const checkpoints = ({ log }: Listing) => log.filter((name) => name.endsWith(".checkpoint")).join();
  return !gone && checkpoints(before) === checkpoints(after) && before.manifest.equals(after.manifest);
}

async function copyAll(from: string, to: string, { log, blocks }: Listing, link: boolean): Promise<number> {
  let bytes = 0;
  for (const [folder, names] of [
    ["blocks", blocks],
    ["wal", log],
    [".", ["version"]],
  ] as const) {
    await fs.mkdir(join(to, folder), { recursive: true, mode: 0o750 });
    for (const name of names) {
      bytes += await copyFile(join(from, folder, name), join(to, folder, name), link && IMMUTABLE.test(name));
    }
    await syncFolder(join(to, folder));
  }
  return bytes;
}

async function copyFile(from: string, to: string, link: boolean): Promise<number> {
  const linked = link && (await fs.link(from, to).then(() => true, isNoLink));
  if (!linked) {
    await fs.copyFile(from, to, constants.COPYFILE_FICLONE);
    const file = await fs.open(to, "r+");
    await file.datasync().finally(() => file.close());
  }
  return (await fs.stat(to)).size;
}

function isNoLink(error: NodeJS.ErrnoException): false {
  if (["EXDEV", "EPERM", "ENOTSUP", "EMLINK"].includes(error.code ?? "")) return false;
  throw error;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, constants.O_RDONLY);
  await folder.sync().finally(() => folder.close());
}
