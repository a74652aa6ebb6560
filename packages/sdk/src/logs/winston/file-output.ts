// Daily files with a largest size: `application-2026-11-22.log` with all lines, `error-2026-11-22.log` with errors.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type DailyRotateFile from "winston-daily-rotate-file";
import TransportStream from "winston-transport";
import type { Clock } from "../../clock.ts";
import type { Guard } from "../../guard.ts";
import type { Output } from "./console-output.ts";

export interface FileOptions {
  /** A file that is larger than this is followed by a next one of the same day. Default `20m`. */
  readonly maxSize?: string | number;
  /** How long `application-….log` is kept. Default `14d`. */
  readonly keep?: string;
  /** How long `error-….log` is kept. Default `30d`. */
  readonly keepErrors?: string;
}

const SIZE = /^[1-9]\d{0,6}[kmg]$/i;
/** Days, or a number of files. */
const KEPT = /^[1-9]\d{0,4}d?$/;
/** A file that failed (disk full, folder gone) is tried again after this. */
const RETRY_MS = 10_000;
const MESSAGE = Symbol.for("message");

export function fileOutputs(directory: string, options: FileOptions, parts: FileParts): Output[] {
  const { maxSize = "20m", keep = "14d", keepErrors = "30d" } = options;
  if (typeof maxSize === "number" ? !(maxSize >= 1024) : !SIZE.test(maxSize))
    throw new RangeError(`files.maxSize: ${maxSize} is no size like "20m", and no number of bytes from 1024`);
  for (const [name, kept] of Object.entries({ keep, keepErrors }))
    if (!KEPT.test(kept)) throw new RangeError(`files.${name}: ${JSON.stringify(kept)} is no time like "14d"`);
  // Loaded when somebody wants files: others need not install it.
  const RotatingFile = createRequire(import.meta.url)("winston-daily-rotate-file") as typeof DailyRotateFile;
  const file = (name: string, maxFiles: string) => ({
    filename: path.join(directory, `${name}-%DATE%.log`),
    // By default its name depends on all options, so that a change of one would leave the older files for ever.
    auditFile: path.join(directory, `.${name}-files.json`),
    datePattern: "YYYY-MM-DD",
    // Days as in the lines themselves and in the names of indices.
    utc: true,
    maxSize,
    maxFiles,
  });
  return [
    new FileTransport(file("application", keep), undefined, { ...parts, RotatingFile }),
    new FileTransport(file("error", keepErrors), "error", { ...parts, RotatingFile }),
  ].map((transport) => ({ transport, backlogBytes: () => transport.pendingBytes }));
}

interface FileParts {
  readonly guard: Guard;
  readonly clock: Clock;
  /** A line that a file did not take. */
  readonly lost: () => void;
}

interface Library {
  readonly RotatingFile: typeof DailyRotateFile;
}

type Written = (error: Error | null, bytes: number, data: unknown) => void;
type RotatingOptions = DailyRotateFile.DailyRotateFileTransportOptions;

/**
 * The rotating file, made again when it failed: its stream is closed by its first error and would stay so until the next
 * day. Counts what it has not written yet, because a disk that hangs must not fill the memory.
 */
class FileTransport extends TransportStream {
  pendingBytes = 0;
  private readonly options: RotatingOptions;
  private readonly guard: Guard;
  private readonly clock: Clock;
  private readonly lost: () => void;
  private readonly RotatingFile: typeof DailyRotateFile;
  private file: DailyRotateFile | undefined;
  private failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RotatingOptions, level: string | undefined, parts: FileParts & Library) {
    super(level === undefined ? {} : { level });
    this.options = options;
    this.guard = parts.guard;
    this.clock = parts.clock;
    this.lost = parts.lost;
    this.RotatingFile = parts.RotatingFile;
    this.open();
  }

  override log(info: Record<PropertyKey, unknown>, next: () => void): void {
    if (this.file === undefined && this.clock.monotonicMs() - this.failedAtMs >= RETRY_MS) this.open();
    const { file } = this;
    if (file === undefined) this.lost();
    else {
      this.pendingBytes += Buffer.byteLength(String(info[MESSAGE])) + 1;
      try {
        file.log?.(info, () => undefined);
      } catch (error) {
        // A next file of the day that cannot be made.
        this.failed(file, error);
      }
    }
    next();
  }

  override close(): void {
    this.file?.close?.();
  }

  /** `logger.end()` waits for it. */
  override _final(done: () => void): void {
    const { file } = this;
    if (file === undefined) done();
    else {
      file.once("finish", () => done());
      file.close?.();
    }
  }

  private open(): void {
    this.pendingBytes = 0;
    try {
      removeIfBroken(this.options.auditFile!);
      const file = new this.RotatingFile({ ...this.options, options: { flags: "a", fs: this.countingFs() } });
      this.file = file;
      // With no listener an error of the stream would end the process.
      (file as unknown as { logStream: NodeJS.EventEmitter }).logStream.on("error", (error) =>
        this.failed(file, error),
      );
      file.on("error", (error) => this.failed(file, error));
    } catch (error) {
      this.failed(undefined, error);
    }
  }

  private failed(file: DailyRotateFile | undefined, error: unknown): void {
    if (file === this.file) {
      this.file = undefined;
      this.failedAtMs = this.clock.monotonicMs();
      this.pendingBytes = 0;
    }
    this.guard.failed("logs", error);
  }

  /** Node's file functions as a stream uses them, which tell how many bytes have reached the file. */
  private countingFs() {
    const counted = (callback: Written): Written => {
      return (error, bytes, data) => {
        this.pendingBytes = Math.max(0, this.pendingBytes - (bytes ?? 0));
        callback(error, bytes, data);
      };
    };
    return {
      open: fs.open,
      close: fs.close,
      write: (fd: number, data: Buffer, from: number, size: number, at: number | null, callback: Written) =>
        fs.write(fd, data, from, size, at, counted(callback)),
      writev: (fd: number, parts: Buffer[], at: number | null, callback: Written) =>
        fs.writev(fd, parts, at as number, counted(callback)),
    };
  }
}

/** The list of files that are to be removed one day. A broken one (the disk was full) would end all removing. */
function removeIfBroken(file: string): void {
  if (!fs.existsSync(file)) return;
  try {
    JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    fs.rmSync(file, { force: true });
  }
}
