// Files as the WAL needs them. A small interface, so that tests can let any single step fail.
import { constants, promises as fs } from "node:fs";
import { join } from "node:path";

export interface DiskFile {
  /** Writes at this place; returns how many bytes went out, which may be fewer. */
  write(data: Uint8Array, position: number): Promise<number>;
  /** fdatasync: runs off this thread. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  makeDir(path: string): Promise<void>;
  /** Names in the folder; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  read(path: string): Promise<Buffer>;
  /** Makes or empties the file. */
  create(path: string): Promise<DiskFile>;
  truncate(path: string, length: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes names in the folder durable. */
  syncDir(path: string): Promise<void>;
  /** What an ordinary user may still write to the file system of this path. */
  freeBytes(path: string): Promise<number>;
}

export const nodeDisk: Disk = {
  async makeDir(path) {
    await fs.mkdir(path, { recursive: true });
  },
  async list(path) {
    try {
      return (await fs.readdir(path)).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  },
  read: (path) => fs.readFile(path),
  async create(path) {
    const handle = await fs.open(path, constants.O_CREAT | constants.O_TRUNC | constants.O_WRONLY, 0o640);
    return {
      write: async (data, position) => (await handle.write(data, 0, data.length, position)).bytesWritten,
      sync: () => handle.datasync(),
      truncate: (length) => handle.truncate(length),
      close: () => handle.close(),
    };
  },
  truncate: (path, length) => fs.truncate(path, length),
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.rm(path, { force: true }),
  freeBytes,
  async syncDir(path) {
    const handle = await fs.open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await fs.statfs(path);
  return bavail * bsize;
}

/** Writes a whole file so that after a crash it is there in full or not at all. */
export async function writeFileDurably(disk: Disk, folder: string, name: string, data: Uint8Array): Promise<void> {
  const temporary = join(folder, `${name}.tmp`);
  const file = await disk.create(temporary);
  try {
    await writeFully(file, data, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, join(folder, name));
  await disk.syncDir(folder);
}

export async function writeFully(file: DiskFile, data: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const written = await file.write(data.subarray(done), position + done);
    if (written <= 0) throw new Error("the disk took no bytes");
    done += written;
  }
}
