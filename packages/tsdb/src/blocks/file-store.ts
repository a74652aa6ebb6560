// The block store over files: immutable blocks, immutable files of series definitions, and a manifest that says which
// of them count. A change is one new manifest, so that any number of files comes and goes at once. docs/format/blocks.md.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter, FormatError } from "../codec/bytes.ts";
import { type Disk, writeFileDurably } from "../disk/disk.ts";
import { WINDOW_MS } from "../head/window.ts";
import type { TsdbProblem } from "../interface.ts";
import type { Bitmap } from "../labels/postings.ts";
import { KIND, putFileHeader, putRecord, scanRecords } from "../wal/record.ts";
import { BlockFile, blockFileName, FileBlockWriter, putSpan, putTotals, readSpan, readTotals } from "./block-file.ts";
import type { BlockChange, BlockSpan, BlockStore, BlockSummary, BlockWriter } from "./block-store.ts";
import { upgradeBlocks } from "./upgrade.ts";

const MANIFEST = "manifest";
const MANIFEST_MAGIC = "SWTSBM";
const MANIFEST_VERSION = 1;
const BLOCK_FILE = /^b(\d{10})\.blk$/;
/** Behind the name of a file that is no part of the store any more and is not removed either. */
const SET_ASIDE = ".damaged";
const SERIES_FILE = /^s(\d{10})\.def$/;
/** Files held open: each costs a file descriptor and its index. */
const FILES_OPEN_MAX = 128;

export type ReportProblem = (problem: TsdbProblem) => void;

interface Manifest {
  readonly nextNumber: number;
  readonly sealedUntilMs: number;
  readonly blocks: readonly BlockSummary[];
  readonly series: readonly number[];
}

function seriesFileName(number: number): string {
  return `s${String(number).padStart(10, "0")}.def`;
}

export function hasBlocks(path: string): boolean {
  return existsSync(path);
}

/** Opens the store in the folder `path`, which is there. */
export async function openFileStore(path: string, disk: Disk, onProblem: ReportProblem): Promise<BlockStore> {
  const store = new FileStore(path, disk, onProblem);
  await store.load();
  return store;
}

class FileStore implements BlockStore {
  blocks: readonly BlockSummary[] = [];
  sealedUntilMs = 0;
  private series: readonly number[] = [];
  nextNumber = 1;
  /** Numbers that are being written: no part of the store yet, and no garbage. */
  private readonly growing = new Set<number>();
  private hasGarbage = false;
  /** Writing the manifest failed: which one is on disk is not known. */
  private manifestSuspect = false;
  /** Damage already told of. */
  private readonly told = new Set<string>();
  private readonly damaged = new Set<number>();
  private readonly open = new Map<number, BlockFile | undefined>();
  private lastChange: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly disk: Disk,
    private readonly onProblem: ReportProblem,
  ) {}

  get bytes(): number {
    return this.blocks.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  isDamaged(block: number): boolean {
    return this.damaged.has(block);
  }

  reserveNumbers(limit: number): void {
    this.nextNumber = Math.max(this.nextNumber, limit);
  }

  get seriesFiles(): number {
    return this.series.length;
  }

  async load(): Promise<void> {
    const names = await this.disk.list(this.path);
    const manifest = this.readManifest(names) ?? (await this.salvage(names));
    this.take(manifest);
    // Missing files are told at once, and not looked for again.
    const present = new Set(names);
    for (const { block } of this.blocks) {
      if (present.has(blockFileName(block))) continue;
      this.tell(`block ${block}`, "its file is missing");
      this.damaged.add(block);
      this.open.set(block, undefined);
    }
    await upgradeBlocks(this.path, this.disk, this, names.includes(MANIFEST));
    // From the start on, so that the first block without a manifest is what a crash left of its writing and no damage.
    if (!names.includes(MANIFEST)) await this.writeManifest(this.changed({ add: [], remove: [] }));
    this.hasGarbage = true;
    await this.tidy();
  }

  private take(manifest: Manifest): void {
    this.blocks = [...manifest.blocks].sort((a, b) => a.fromMs - b.fromMs || a.block - b.block);
    this.series = manifest.series;
    this.nextNumber = manifest.nextNumber;
    this.sealedUntilMs = manifest.sealedUntilMs;
  }

  private readManifest(names: readonly string[]): Manifest | undefined {
    if (!names.includes(MANIFEST)) {
      if (names.some((name) => BLOCK_FILE.test(name))) this.tell("the list of blocks", "it is missing");
      return undefined;
    }
    try {
      return decodeManifest(readFileSync(join(this.path, MANIFEST)));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.tell("the list of blocks", error.message);
      return undefined;
    }
  }

  /**
   * Without a manifest the files themselves tell. What cannot be read is set aside under another name, for who may repair
   * it: otherwise it would be tidied away with what no manifest names.
   */
  private async salvage(names: readonly string[]): Promise<Manifest> {
    const numbers = (pattern: RegExp) => names.map((name) => Number(pattern.exec(name)?.[1] ?? 0)).filter((n) => n > 0);
    const found: BlockSummary[] = [];
    for (const block of numbers(BLOCK_FILE)) {
      try {
        const file = BlockFile.open(this.path, block);
        found.push(file.summary);
        file.close();
      } catch (error) {
        // Out of descriptors or memory is no damage: that passes.
        if (!(error instanceof FormatError) && (error as NodeJS.ErrnoException).code !== "EIO") throw error;
        const path = join(this.path, blockFileName(block));
        await this.disk.rename(path, `${path}${SET_ASIDE}`);
        this.tell(`block ${block}`, `${(error as Error).message}; it is kept as ${blockFileName(block)}${SET_ASIDE}`);
      }
    }
    const blocks = found.filter((one) => !found.some((other) => replaces(other, one)));
    const series = numbers(SERIES_FILE);
    return {
      blocks,
      series,
      nextNumber: Math.max(0, ...series, ...numbers(BLOCK_FILE)) + 1,
      sealedUntilMs: blocks.reduce((end, block) => Math.max(end, block.resolutionMs === 0 ? block.untilMs : 0), 0),
    };
  }

  forEachSeries(visit: (encoded: Buffer) => void, gone: (ids: Iterable<number>) => void): void {
    for (const number of [...this.series].reverse()) {
      const name = seriesFileName(number);
      try {
        const { fault } = scanRecords(readFileSync(join(this.path, name)), (kind, payload) => {
          if (kind === KIND.series) visit(payload.bytes(payload.end - payload.at));
          else if (kind === KIND.seriesGone) gone(readIds(payload));
        });
        if (fault !== "") this.tell(name, fault);
      } catch (error) {
        this.tell(name, (error as Error).message);
      }
    }
  }

  readGroup(block: number, group: number): Buffer | undefined {
    try {
      return this.fileOf(block)?.read(group);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.damaged.add(block);
      this.tell(`block ${block}, group ${group}`, error.message);
      return undefined;
    }
  }

  groupsOf(block: number): Uint32Array {
    return this.fileOf(block)?.groups ?? new Uint32Array(0);
  }

  readSeriesOf(block: number): Bitmap | undefined {
    return this.fileOf(block)?.present;
  }

  private fileOf(block: number): BlockFile | undefined {
    if (this.open.has(block)) {
      const known = this.open.get(block);
      // Moved to the end: the map's order is that of use.
      this.open.delete(block);
      this.open.set(block, known);
      return known;
    }
    let file: BlockFile | undefined;
    try {
      file = BlockFile.open(this.path, block);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Out of descriptors or memory is no damage: that passes.
      if (!(error instanceof FormatError) && code !== "ENOENT" && code !== "EIO") throw error;
      this.damaged.add(block);
      this.tell(`block ${block}`, (error as Error).message);
    }
    this.open.set(block, file);
    if (this.open.size > FILES_OPEN_MAX) this.shut(this.open.keys().next().value as number);
    return file;
  }

  private shut(block: number): void {
    this.open.get(block)?.close();
    this.open.delete(block);
  }

  async create(span: BlockSpan): Promise<BlockWriter> {
    const block = this.nextNumber++;
    // What is sealed is merged soon: compressing pays from then on (31 ns a sample).
    const isMerged = span.untilMs - span.fromMs > WINDOW_MS;
    this.growing.add(block);
    try {
      const writer = await FileBlockWriter.create(this.disk, this.path, block, span, isMerged);
      return {
        add: (group, bytes) => writer.add(group, bytes),
        finish: (present, totals) => writer.finish(present, totals),
        abandon: () => {
          this.growing.delete(block);
          return writer.abandon();
        },
      };
    } catch (error) {
      this.growing.delete(block);
      this.hasGarbage = true;
      throw error;
    }
  }

  commit(change: BlockChange, published: () => void = () => {}): Promise<boolean> {
    return this.inTurn(async () => {
      const known = new Set(this.blocks.map(({ block }) => block));
      const needed = [...change.remove, ...(change.requires ?? [])];
      if (!needed.every((block) => known.has(block))) return false;
      await this.writeManifest(this.changed(change));
      this.publish(change);
      published();
      return true;
    }).catch((error: unknown) => {
      this.discard(change.add);
      throw error;
    });
  }

  discard(blocks: readonly BlockSummary[]): void {
    for (const { block } of blocks) this.growing.delete(block);
    this.hasGarbage = true;
  }

  /** Changes come one after the other: each manifest holds all that were before it. */
  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.lastChange.then(step);
    this.lastChange = result.catch(() => {});
    return result;
  }

  private publish(change: BlockChange): void {
    const { blocks, sealedUntilMs } = this.changed(change);
    this.blocks = [...blocks].sort((a, b) => a.fromMs - b.fromMs || a.block - b.block);
    this.sealedUntilMs = sealedUntilMs;
    for (const { block } of change.add) this.growing.delete(block);
    for (const block of change.remove) this.shut(block);
    if (change.remove.length > 0) this.hasGarbage = true;
  }

  private changed(change: BlockChange): Manifest {
    const gone = new Set([...change.remove, ...change.add.map(({ block }) => block)]);
    return {
      nextNumber: this.nextNumber,
      sealedUntilMs: Math.max(this.sealedUntilMs, change.sealedUntilMs ?? 0),
      blocks: [...this.blocks.filter(({ block }) => !gone.has(block)), ...change.add],
      series: this.series,
    };
  }

  private async writeManifest(manifest: Manifest): Promise<void> {
    // The files that it names must be in the folder first.
    await this.disk.syncDir(this.path);
    this.manifestSuspect = true;
    await writeFileDurably(this.disk, this.path, MANIFEST, encodeManifest(manifest));
    this.manifestSuspect = false;
  }

  writeSeries(batches: Iterable<Uint8Array>, gone: readonly number[] = []): Promise<void> {
    return this.writeSeriesFile(batches, gone, (number) => [...this.series, number]);
  }

  replaceSeries(batches: Iterable<Uint8Array>): Promise<void> {
    return this.writeSeriesFile(batches, [], (number) => [number]);
  }

  private writeSeriesFile(
    batches: Iterable<Uint8Array>,
    gone: readonly number[],
    change: (number: number) => readonly number[],
  ): Promise<void> {
    const number = this.nextNumber++;
    const out = new ByteWriter(65_536);
    putFileHeader(out, number);
    for (const batch of batches) putRecord(out, KIND.series, (o) => o.bytes(batch));
    if (gone.length > 0) putRecord(out, KIND.seriesGone, (o) => putIds(o, gone));
    return this.inTurn(() => this.addSeriesFile(number, out, change));
  }

  private async addSeriesFile(
    number: number,
    out: ByteWriter,
    change: (number: number) => readonly number[],
  ): Promise<void> {
    this.growing.add(number);
    try {
      await writeFileDurably(this.disk, this.path, seriesFileName(number), out.view());
      const series = change(number);
      await this.writeManifest({ ...this.changed({ add: [], remove: [] }), series });
      this.series = series;
    } finally {
      this.growing.delete(number);
      this.hasGarbage = true;
    }
  }

  tidy(): Promise<void> {
    return this.inTurn(() => this.removeGarbage());
  }

  private async removeGarbage(): Promise<void> {
    if (!this.hasGarbage) return;
    // A manifest whose writing failed at its last step may be the one on disk, and name what is garbage here.
    if (this.manifestSuspect) await this.writeManifest(this.changed({ add: [], remove: [] }));
    this.hasGarbage = false;
    const blocks = new Set(this.blocks.map(({ block }) => block));
    for (const name of await this.disk.list(this.path)) {
      const number = Number((BLOCK_FILE.exec(name) ?? SERIES_FILE.exec(name))?.[1] ?? -1);
      const isKnown = BLOCK_FILE.test(name) ? blocks.has(number) : this.series.includes(number);
      if (name.endsWith(".tmp") ? this.growing.size === 0 : number >= 0 && !isKnown && !this.growing.has(number)) {
        await this.disk.remove(join(this.path, name)).catch((error: unknown) => {
          this.hasGarbage = true;
          throw error;
        });
      }
    }
  }

  async close(): Promise<void> {
    for (const file of this.open.values()) file?.close();
    this.open.clear();
  }

  private tell(what: string, why: string): void {
    if (this.told.has(what)) return;
    this.told.add(what);
    this.onProblem({ kind: "corrupt-block", message: `${what} was left out: ${why}` });
  }
}

/**
 * Without a manifest: has `newer` what `older` has? Never of samples: history that came later lies over what was there, and
 * what a merge left of its sources is merged again.
 */
function replaces(newer: BlockSummary, older: BlockSummary): boolean {
  return (
    newer.resolutionMs > 0 &&
    newer.block > older.block &&
    newer.resolutionMs === older.resolutionMs &&
    newer.retentionClass === older.retentionClass &&
    newer.fromMs <= older.fromMs &&
    newer.untilMs >= older.untilMs
  );
}

function putIds(out: ByteWriter, ids: readonly number[]): void {
  out.varint(ids.length);
  for (const id of ids) out.varint(id);
}

function* readIds(reader: ByteReader): Iterable<number> {
  for (let left = reader.count(); left > 0; left--) yield reader.varint();
}

function encodeManifest({ nextNumber, sealedUntilMs, blocks, series }: Manifest): Buffer {
  const body = new ByteWriter(64 + 48 * blocks.length);
  body.varint(nextNumber);
  body.varint(sealedUntilMs);
  body.varint(blocks.length);
  for (const block of blocks) {
    body.varint(block.block);
    putSpan(body, block);
    putTotals(body, block, block);
    body.varint(block.bytes);
  }
  body.varint(series.length);
  for (const number of series) body.varint(number);
  const head = Buffer.alloc(12);
  head.write(MANIFEST_MAGIC, "latin1");
  head.writeUInt16LE(MANIFEST_VERSION, 6);
  head.writeUInt32LE(crc32(body.view()), 8);
  return Buffer.concat([head, body.view()]);
}

function decodeManifest(data: Buffer): Manifest {
  if (data.length < 12 || data.toString("latin1", 0, 6) !== MANIFEST_MAGIC) throw new FormatError("it is damaged");
  if (data.readUInt16LE(6) !== MANIFEST_VERSION) throw new FormatError(`its version is ${data.readUInt16LE(6)}`);
  if (crc32(data.subarray(12)) !== data.readUInt32LE(8)) throw new FormatError("checksum");
  const reader = new ByteReader(data, 12);
  const nextNumber = reader.varint();
  const sealedUntilMs = reader.varint();
  const blocks: BlockSummary[] = [];
  for (let left = reader.count(8); left > 0; left--) {
    const block = reader.varint();
    const span = readSpan(reader);
    blocks.push({ block, ...span, ...readTotals(reader, span), bytes: reader.varint() });
  }
  const series: number[] = [];
  for (let left = reader.count(); left > 0; left--) series.push(reader.varint());
  return { nextNumber, sealedUntilMs, blocks, series };
}
