// A place in the log, kept in a file of 20 bytes that is written over: segment u32 | offset f64 | 4 zero bytes | CRC-32.
// Without a sync: it survives the process, and after a power cut an older place sends some samples twice.
import { closeSync, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { LogPlace } from "./sample-log.ts";

const BYTES = 20;

export class PlaceFile {
  private handle: FileHandle | undefined;

  constructor(private readonly file: string) {}

  /** Undefined when there is none, or none that can be read. */
  read(): LogPlace | undefined {
    const bytes = Buffer.alloc(BYTES);
    try {
      const fd = openSync(this.file, "r");
      try {
        if (readSync(fd, bytes, 0, BYTES, 0) !== BYTES) return undefined;
      } finally {
        closeSync(fd);
      }
    } catch {
      return undefined;
    }
    if (crc32(bytes.subarray(0, 16)) !== bytes.readUInt32LE(16)) return undefined;
    return { segment: bytes.readUInt32LE(0), offset: bytes.readDoubleLE(4) };
  }

  async write({ segment, offset }: LogPlace): Promise<void> {
    const bytes = Buffer.alloc(BYTES);
    bytes.writeUInt32LE(segment, 0);
    bytes.writeDoubleLE(offset, 4);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
    // Not truncated: at no moment is it empty.
    this.handle ??= await open(this.file, "r+").catch(() => open(this.file, "w+", 0o640));
    await this.handle.write(bytes, 0, BYTES, 0);
  }

  async close(): Promise<void> {
    await this.handle?.close().catch(() => {});
    this.handle = undefined;
  }
}
