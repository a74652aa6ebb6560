// Alert state in one file: a header line, then a line for each change, the last one of a key wins.
//
//   storewatch-alert-state 1
//   5f3a01c2 ["silence","7d0c…",{…}]        CRC-32 of the JSON in hex, a space, the JSON
//   9b110aa4 ["silence","7d0c…"]            without a value: deleted
//
// Appended lines are synced before `save` resolves; many saves at once share one sync. When the file has grown to a
// multiple of what it holds, it is written anew beside itself, synced, and renamed over the old one.
import { type FileHandle, mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { crc32 } from "node:zlib";
import type { Logger } from "../kernel/logger.ts";
import type { AlertStatePersistence, StateRecord } from "./interface.ts";

const NAME = "storewatch-alert-state";
const VERSION = 1;
/** Below this a rewrite is not worth it. */
const REWRITE_AT_LEAST_BYTES = 1 << 20;

export interface StateFile extends AlertStatePersistence {
  /** Writes what is pending and closes. */
  close(): Promise<void>;
}

/** The file was written by a newer version: it is left alone. */
export class StateFileTooNew extends Error {}

/** Makes the folder when it is missing. `load` must be called once before `save`. */
export function createStateFile(file: string, logger: Logger): StateFile {
  return new JournalFile(file, logger);
}

class JournalFile implements StateFile {
  /** table NUL key → line. */
  private readonly lines = new Map<string, string>();
  private handle: FileHandle | undefined;
  private pending: string[] = [];
  private writing: Promise<void> | undefined;
  private fileBytes = 0;
  private rewrittenBytes = 0;
  /** A write failed: only a whole new file is good again. */
  private isTorn = false;

  constructor(
    private readonly file: string,
    private readonly logger: Logger,
  ) {}

  async load(): Promise<readonly StateRecord[]> {
    await mkdir(path.dirname(this.file), { recursive: true });
    const text = await readFile(this.file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const [header, ...lines] = text.split("\n");
    const isOurs = header === "" || this.checkHeader(header);
    let broken = 0;
    // Every line has its own checksum, so those of a file whose first line is damaged can be trusted as well.
    for (const line of isOurs ? lines : text.split("\n")) if (line !== "" && !this.take(line)) broken += 1;
    // One torn line at the end is what a crash leaves behind; more means that the file was damaged.
    if (broken > 0)
      this.logger.warn({ file: this.file, lines: broken }, "unreadable lines of the alert state left out");
    if (!isOurs) await this.keepDamaged();
    await this.rewrite();
    return [...this.lines.values()].map(recordOf);
  }

  async save(records: readonly StateRecord[]): Promise<void> {
    for (const { table, key, value } of records) {
      const line = lineOf(JSON.stringify(value === undefined ? [table, key] : [table, key, value]));
      if (value === undefined) this.lines.delete(`${table}\u0000${key}`);
      else this.lines.set(`${table}\u0000${key}`, line);
      this.pending.push(line);
    }
    // What is being written now may have begun before these records: wait for the turn after it.
    while (this.writing) await this.writing.catch(() => {});
    if (this.pending.length === 0) return;
    this.writing = this.flush().finally(() => {
      this.writing = undefined;
    });
    await this.writing;
  }

  async close(): Promise<void> {
    await this.save([]);
    await this.handle?.close();
    this.handle = undefined;
  }

  /** Telling people of new alerts matters more than what was known: a damaged file does not keep the server down. */
  private async keepDamaged(): Promise<void> {
    const kept = `${this.file}.damaged`;
    await rename(this.file, kept);
    this.logger.error({ file: this.file, kept, records: this.lines.size }, "the alert state was damaged: a new file");
  }

  /** False when it is no header of ours. */
  private checkHeader(header: string): boolean {
    const [name, version] = header.split(" ");
    if (name !== NAME) return false;
    if (Number(version) > VERSION) {
      throw new StateFileTooNew(
        `${this.file} was written by a newer Storewatch (format ${version}, this one knows ${VERSION})`,
      );
    }
    return true;
  }

  private take(line: string): boolean {
    const json = line.slice(9);
    if (lineOf(json) !== line) return false;
    const { table, key, value } = recordOf(line);
    if (value === undefined) this.lines.delete(`${table}\u0000${key}`);
    else this.lines.set(`${table}\u0000${key}`, line);
    return true;
  }

  private async flush(): Promise<void> {
    const lines = this.pending;
    this.pending = [];
    try {
      if (this.isTorn || this.fileBytes > Math.max(REWRITE_AT_LEAST_BYTES, 3 * this.rewrittenBytes))
        return await this.rewrite();
      if (!this.handle) throw new Error("the alert state file is not open");
      const bytes = Buffer.from(`${lines.join("\n")}\n`);
      await this.handle.appendFile(bytes);
      await this.handle.datasync();
      this.fileBytes += bytes.length;
    } catch (error) {
      // A part of the lines may be in the file: what would be appended to it could not be read again.
      this.isTorn = true;
      this.pending = [...lines, ...this.pending];
      throw error;
    }
  }

  private async rewrite(): Promise<void> {
    const bytes = Buffer.from(`${[`${NAME} ${VERSION}`, ...this.lines.values()].join("\n")}\n`);
    const temporary = `${this.file}.new`;
    const fresh = await open(temporary, "w", 0o600);
    try {
      await fresh.writeFile(bytes);
      await fresh.datasync();
    } finally {
      await fresh.close();
    }
    await rename(temporary, this.file);
    await syncFolder(path.dirname(this.file));
    await this.handle?.close();
    this.handle = await open(this.file, "a", 0o600);
    this.fileBytes = bytes.length;
    this.rewrittenBytes = bytes.length;
    this.isTorn = false;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function lineOf(json: string): string {
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}`;
}

function recordOf(line: string): StateRecord {
  const [table, key, value] = JSON.parse(line.slice(9)) as [string, string, unknown];
  return { table, key, value };
}
