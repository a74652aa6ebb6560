// Small files of /proc and /sys. Read synchronously: they answer from memory, and a round trip through the thread pool
// costs more than the reading (about 10 µs against 60 µs each).
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";

let buffer = Buffer.allocUnsafe(64 * 1024);
const BYTES_MAX = 16 * 1024 * 1024;

/** The file's text; undefined when it does not exist or is not there for reading (the device has no such value). */
export function readText(file: string): string | undefined {
  try {
    return mustReadText(file);
  } catch {
    return undefined;
  }
}

/** Throws the system's error. */
export function mustReadText(file: string): string {
  const handle = openSync(file, "r");
  try {
    let length = 0;
    for (;;) {
      if (length === buffer.length) {
        if (length >= BYTES_MAX) throw new Error(`${file} is larger than ${BYTES_MAX} bytes`);
        buffer = Buffer.concat([buffer, Buffer.allocUnsafe(length)]);
      }
      const count = readSync(handle, buffer, length, buffer.length - length, null);
      if (count === 0) return buffer.toString("utf8", 0, length);
      length += count;
    }
  } finally {
    closeSync(handle);
  }
}

/** One number, also as `0x1003`; undefined when the file is missing, empty or says something else. */
export function readNumber(file: string): number | undefined {
  const text = readText(file)?.trim();
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

/** Without the line end; undefined when it cannot be read. */
export function readWord(file: string): string | undefined {
  return readText(file)?.trim();
}

/** Names in a folder, sorted; undefined when there is no such folder. */
export function listFolder(dir: string): readonly string[] | undefined {
  try {
    return readdirSync(dir).sort();
  } catch {
    return undefined;
  }
}

/** Where a symbolic link points, as written; undefined when it is none. */
export function readLink(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}
