// The block store over lmdb, which is loaded when it is first needed.
//
//   groups   (block u32, group u32) big endian → crc32 u32 | group            blocks/group-codec.ts
//   meta     "B" block u32 → crc32 u32 | summary, bitmap of series            a block is complete when this is there
//            "S" number u32 → crc32 u32 | series definitions                  labels/series-codec.ts
//            "E" → crc32 u32 | end of the last sealed window
import { existsSync, renameSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { Database, RootDatabase } from "lmdb";
import { ByteReader, ByteWriter, FormatError } from "../codec/bytes.ts";
import { windowEndMs } from "../head/window.ts";
import type { TsdbProblem } from "../interface.ts";
import { Bitmap } from "../labels/postings.ts";
import type { BlockStore, BlockSummary } from "./block-store.ts";

/** lmdb turns a bad option into a crash of the process: every number is tested first. */
function positive(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value <= 0) throw new Error(`BUG: lmdb option ${name} is ${value}`);
  return value;
}

const OPTIONS = {
  encoding: "binary",
  keyEncoding: "binary",
  compression: false,
  maxDbs: positive("maxDbs", 4),
  mapSize: positive("mapSize", 2 ** 26),
  pageSize: positive("pageSize", 4096),
  // A commit is then durable when its promise resolves, and says so when it fails. With overlapping syncs the promise
  // of the flush never settles after a failed one (lmdb 3.5.6, write.js startWriting).
  overlappingSync: false,
  // Batches of event turns have a promise of their own, which nobody can handle when their commit fails.
  eventTurnBatching: false,
} as const;
const REMOVALS_PER_SLICE = 512;
/** What lmdb says of a file that it cannot read: then the file is set aside. */
const UNREADABLE =
  /MDB_INVALID|MDB_CORRUPTED|MDB_VERSION_MISMATCH|MDB_PAGE_NOTFOUND|not an LMDB file|Located page was wrong type/;

export type ReportProblem = (problem: TsdbProblem) => void;

export function hasBlocks(path: string): boolean {
  return existsSync(path);
}

export async function openLmdbStore(path: string, onProblem: ReportProblem): Promise<BlockStore> {
  const { open } = await import("lmdb");
  let root: RootDatabase<Buffer, Buffer>;
  try {
    root = open<Buffer, Buffer>({ path, ...OPTIONS });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!UNREADABLE.test(message)) throw error;
    const aside = `${path}.damaged`;
    if (existsSync(aside)) throw new Error(`blocks cannot be read (${message}) and ${aside} exists already`);
    renameSync(path, aside);
    onProblem({ kind: "corrupt-block", message: `blocks cannot be read (${message}); kept as ${aside}` });
    root = open<Buffer, Buffer>({ path, ...OPTIONS });
  }
  const store = new LmdbStore(root, onProblem);
  await store.load();
  return store;
}

/**
 * Waits for a commit. A failed one carries a second promise, `commitError`, that is rejected as well: left alone it
 * would end the process as an unhandled rejection.
 */
async function committed(write: Promise<boolean>): Promise<void> {
  try {
    await write;
  } catch (error) {
    const cause = (error as { commitError?: unknown }).commitError;
    if (!(cause instanceof Promise)) throw error;
    cause.catch(() => {});
    throw new Error("the block store could not commit");
  }
}

/** The value without its checksum, or undefined when that is wrong. */
function checked(value: Buffer | undefined): Buffer | undefined {
  if (!value || value.length < 4) return undefined;
  const body = value.subarray(4);
  return crc32(body) === value.readUInt32LE(0) ? body : undefined;
}

function sealed(body: Uint8Array): Buffer {
  const value = Buffer.allocUnsafeSlow(body.length + 4);
  value.writeUInt32LE(crc32(body), 0);
  value.set(body, 4);
  return value;
}

function metaKey(kind: string, number: number): Buffer {
  const key = Buffer.alloc(5);
  key.write(kind, 0, "latin1");
  key.writeUInt32BE(number, 1);
  return key;
}

function groupKey(block: number, group: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeUInt32BE(block, 0);
  key.writeUInt32BE(group, 4);
  return key;
}

class LmdbStore implements BlockStore {
  blocks: BlockSummary[] = [];
  sealedUntilMs = 0;
  private readonly groups: Database<Buffer, Buffer>;
  private readonly meta: Database<Buffer, Buffer>;
  private readonly key = Buffer.alloc(8);
  /** Damaged groups already told of. */
  private readonly quarantined = new Set<string>();
  private readonly bitmaps = new Map<number, Bitmap>();

  constructor(
    private readonly root: RootDatabase<Buffer, Buffer>,
    private readonly onProblem: ReportProblem,
  ) {
    this.groups = root.openDB<Buffer, Buffer>({ name: "groups", encoding: "binary", keyEncoding: "binary" });
    this.meta = root.openDB<Buffer, Buffer>({ name: "meta", encoding: "binary", keyEncoding: "binary" });
  }

  /** Finds the complete blocks, and clears what an interrupted sealing left. */
  async load(): Promise<void> {
    for (const { key, value } of this.meta.getRange({ start: metaKey("B", 0), end: metaKey("B", 0xffffffff) })) {
      const body = checked(value);
      if (body) this.blocks.push(decodeSummary(key.readUInt32BE(1), new ByteReader(body)));
      else this.quarantine(`block ${key.readUInt32BE(1)}`, "its summary is damaged");
    }
    const end = checked(this.meta.get(metaKey("E", 0)));
    if (end) this.sealedUntilMs = new ByteReader(end).varint();
    for (const { block } of this.blocks) this.sealedUntilMs = Math.max(this.sealedUntilMs, windowEndMs(block));
    const complete = new Set(this.blocks.map(({ block }) => block));
    for (const block of this.presentBlocks()) if (!complete.has(block)) await this.removeGroups(block, async () => {});
  }

  /** Block numbers that have groups, found by skipping from one to the next. */
  private presentBlocks(): number[] {
    const found: number[] = [];
    for (let next = 0; next <= 0xfffffffe; ) {
      const [key] = this.groups.getKeys({ start: groupKey(next, 0), limit: 1 });
      if (!key) break;
      found.push(key.readUInt32BE(0));
      next = key.readUInt32BE(0) + 1;
    }
    return found;
  }

  forEachSeries(visit: (encoded: Buffer) => void): void {
    for (const { key, value } of this.meta.getRange({ start: metaKey("S", 0), end: metaKey("S", 0xffffffff) })) {
      const body = checked(value);
      if (body) visit(body);
      else this.quarantine(`series batch ${key.readUInt32BE(1)}`, "checksum");
    }
  }

  readGroup(block: number, group: number): Buffer | undefined {
    this.key.writeUInt32BE(block, 0);
    this.key.writeUInt32BE(group, 4);
    const value = this.groups.getBinary(this.key);
    if (!value) return undefined;
    const body = checked(value);
    if (!body) this.quarantine(`block ${block}, group ${group}`, "checksum");
    return body;
  }

  readSeriesOf(block: number): Bitmap | undefined {
    const known = this.bitmaps.get(block);
    if (known) return known;
    const body = checked(this.meta.getBinary(metaKey("B", block)));
    if (!body) return undefined;
    const reader = new ByteReader(body);
    decodeSummary(block, reader);
    const bitmap = new Bitmap(reader.varint());
    const words = reader.bytes(bitmap.words.length * 4);
    for (let i = 0; i < bitmap.words.length; i++) bitmap.words[i] = words.readUInt32LE(4 * i);
    this.bitmaps.set(block, bitmap);
    if (this.bitmaps.size > 64) this.bitmaps.delete(this.bitmaps.keys().next().value as number);
    return bitmap;
  }

  async writeGroup(block: number, group: number, bytes: Uint8Array): Promise<void> {
    await committed(this.groups.put(groupKey(block, group), sealed(bytes)));
  }

  async writeSeries(number: number, encoded: Uint8Array | undefined): Promise<void> {
    const key = metaKey("S", number);
    await committed(encoded ? this.meta.put(key, sealed(encoded)) : this.meta.remove(key));
  }

  async finishBlock(summary: BlockSummary, series: Bitmap): Promise<void> {
    const out = new ByteWriter(64 + series.words.length * 4);
    out.varint(summary.minTimeMs);
    out.varint(summary.maxTimeMs - summary.minTimeMs);
    out.varint(summary.samples);
    out.varint(summary.bytes);
    out.varint(series.idLimit);
    for (const word of series.words) out.u32(word);
    const until = Math.max(this.sealedUntilMs, windowEndMs(summary.block));
    const end = new ByteWriter(16);
    end.varint(until);
    await Promise.all([
      committed(this.meta.put(metaKey("B", summary.block), sealed(out.view()))),
      committed(this.meta.put(metaKey("E", 0), sealed(end.view()))),
    ]);
    this.sealedUntilMs = until;
  }

  publish(summary: BlockSummary): void {
    this.blocks = [...this.blocks.filter(({ block }) => block !== summary.block), summary].sort(
      (a, b) => a.block - b.block,
    );
  }

  async dropBlock(block: number, pause: () => Promise<void>): Promise<void> {
    this.blocks = this.blocks.filter((known) => known.block !== block);
    this.bitmaps.delete(block);
    await committed(this.meta.remove(metaKey("B", block)));
    await this.removeGroups(block, pause);
  }

  private async removeGroups(block: number, pause: () => Promise<void>): Promise<void> {
    for (;;) {
      const range = { start: groupKey(block, 0), end: groupKey(block + 1, 0), limit: REMOVALS_PER_SLICE };
      const keys = [...this.groups.getKeys(range)].map((key) => Buffer.from(key));
      if (keys.length === 0) return;
      await Promise.all(keys.map((key) => committed(this.groups.remove(key))));
      await pause();
    }
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  private quarantine(what: string, why: string): void {
    if (this.quarantined.has(what)) return;
    this.quarantined.add(what);
    this.onProblem({ kind: "corrupt-block", message: `${what} was left out: ${why}` });
  }
}

function decodeSummary(block: number, reader: ByteReader): BlockSummary {
  const minTimeMs = reader.varint();
  const maxTimeMs = minTimeMs + reader.varint();
  const samples = reader.varint();
  const bytes = reader.varint();
  if (maxTimeMs >= windowEndMs(block)) throw new FormatError("a block's times lie outside it");
  return { block, minTimeMs, maxTimeMs, samples, bytes };
}
