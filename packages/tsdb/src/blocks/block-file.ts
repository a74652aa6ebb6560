// One block as a file; docs/format/blocks.md has the picture.
//
//   header   "SWTSBK" version u16
//   groups   (crc32 u32 | codec u8 | bytes)*          codec 0: as they are, 1: deflate; the CRC covers codec and bytes
//   index    span, totals, groups: count, (group step, length)*, id limit, bitmap words
//   footer   index length u32 | crc32 of the index u32 | "SWEB"
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { constants, crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import { ByteReader, ByteWriter, FormatError } from "../codec/bytes.ts";
import { type Disk, type DiskFile, writeFully } from "../disk/disk.ts";
import { Bitmap } from "../labels/postings.ts";
import type { BlockSpan, BlockSummary, BlockTotals, BlockWriter } from "./block-store.ts";

const MAGIC = "SWTSBK";
const END_MAGIC = "SWEB";
const VERSION = 1;
const HEADER_BYTES = 8;
const FOOTER_BYTES = 12;
const GROUP_HEADER_BYTES = 5;
const PLAIN = 0;
const DEFLATED = 1;
/** Written at once. */
const SLICE_BYTES = 2 ** 20;
/** No group is that large; a larger one is damage. */
const GROUP_BYTES_MAX = 2 ** 28;

export function blockFileName(block: number): string {
  return `b${String(block).padStart(10, "0")}.blk`;
}

export class FileBlockWriter implements BlockWriter {
  private readonly out = new ByteWriter(SLICE_BYTES + 65_536);
  private readonly groups: number[] = [];
  private readonly lengths: number[] = [];
  private position = 0;
  private closed = false;

  private constructor(
    private readonly disk: Disk,
    private readonly path: string,
    private readonly file: DiskFile,
    private readonly block: number,
    private readonly span: BlockSpan,
    private readonly isCompressed: boolean,
  ) {
    this.out.bytes(Buffer.from(MAGIC, "latin1"));
    this.out.u8(VERSION);
    this.out.u8(VERSION >>> 8);
  }

  static async create(
    disk: Disk,
    folder: string,
    block: number,
    span: BlockSpan,
    isCompressed: boolean,
  ): Promise<FileBlockWriter> {
    const path = join(folder, blockFileName(block));
    return new FileBlockWriter(disk, path, await disk.create(path), block, span, isCompressed);
  }

  async add(group: number, bytes: Uint8Array): Promise<void> {
    const { out } = this;
    let codec = PLAIN;
    let body = bytes;
    if (this.isCompressed) {
      const deflated = deflateRawSync(bytes, { level: 1, strategy: constants.Z_DEFAULT_STRATEGY });
      if (deflated.length < bytes.length) {
        codec = DEFLATED;
        body = deflated;
      }
    }
    const at = out.reserve(GROUP_HEADER_BYTES + body.length);
    out.buffer[at + 4] = codec;
    out.buffer.set(body, at + GROUP_HEADER_BYTES);
    out.length = at + GROUP_HEADER_BYTES + body.length;
    out.buffer.writeUInt32LE(crc32(out.buffer.subarray(at + 4, out.length)), at);
    this.groups.push(group);
    this.lengths.push(out.length - at);
    if (out.length >= SLICE_BYTES) await this.flush();
  }

  async finish(present: Bitmap, totals: BlockTotals): Promise<BlockSummary> {
    const index = new ByteWriter(64 + 4 * this.groups.length + 4 * present.words.length);
    putSpan(index, this.span);
    putTotals(index, this.span, totals);
    index.varint(this.groups.length);
    let last = 0;
    this.groups.forEach((group, i) => {
      index.varint(group - last);
      index.varint(this.lengths[i]);
      last = group;
    });
    index.varint(present.idLimit);
    for (const word of present.words) index.u32(word);
    this.out.bytes(index.view());
    this.out.u32(index.length);
    this.out.u32(crc32(index.view()));
    this.out.bytes(Buffer.from(END_MAGIC, "latin1"));
    await this.flush();
    await this.file.sync();
    this.closed = true;
    await this.file.close();
    return { block: this.block, ...this.span, ...totals, bytes: this.position };
  }

  async abandon(): Promise<void> {
    if (!this.closed) await this.file.close().catch(() => {});
    this.closed = true;
    await this.disk.remove(this.path).catch(() => {});
  }

  private async flush(): Promise<void> {
    await writeFully(this.file, this.out.view(), this.position);
    this.position += this.out.length;
    this.out.clear();
  }
}

export function putSpan(out: ByteWriter, span: BlockSpan): void {
  out.varint(span.fromMs);
  out.varint(span.untilMs - span.fromMs);
  out.varint(span.resolutionMs);
  out.text(span.retentionClass);
}

export function readSpan(reader: ByteReader): BlockSpan {
  const fromMs = reader.varint();
  const untilMs = fromMs + reader.varint();
  return { fromMs, untilMs, resolutionMs: reader.varint(), retentionClass: reader.text() };
}

export function putTotals(out: ByteWriter, span: BlockSpan, totals: BlockTotals): void {
  out.varint(totals.minTimeMs - span.fromMs);
  out.varint(totals.maxTimeMs - totals.minTimeMs);
  out.varint(totals.samples);
}

export function readTotals(reader: ByteReader, span: BlockSpan): BlockTotals {
  const minTimeMs = span.fromMs + reader.varint();
  const maxTimeMs = minTimeMs + reader.varint();
  if (maxTimeMs >= span.untilMs) throw new FormatError("a block's times lie outside it");
  return { minTimeMs, maxTimeMs, samples: reader.varint() };
}

/** A block file that is being read. Its index stays in memory: 8 bytes a group. */
export class BlockFile {
  readonly summary: BlockSummary;
  readonly present: Bitmap;
  /** Ascending. */
  readonly groups: Uint32Array;
  /** Where each group begins; one more for the end of the last one. */
  private readonly offsets: Float64Array;

  private constructor(
    private readonly fd: number,
    block: number,
    size: number,
    reader: ByteReader,
  ) {
    const span = readSpan(reader);
    this.summary = { block, ...span, ...readTotals(reader, span), bytes: size };
    const count = reader.count(2);
    this.groups = new Uint32Array(count);
    this.offsets = new Float64Array(count + 1);
    this.offsets[0] = HEADER_BYTES;
    for (let i = 0, group = 0; i < count; i++) {
      group += reader.varint();
      this.groups[i] = group;
      this.offsets[i + 1] = this.offsets[i] + reader.varint();
    }
    const idLimit = reader.varint();
    if (idLimit > 8 * (reader.end - reader.at)) throw new FormatError("a bitmap beyond the index");
    this.present = new Bitmap(idLimit);
    for (let i = 0; i < this.present.words.length; i++) this.present.words[i] = reader.u32();
  }

  /** Throws FormatError on a file that is none, and what the file system says. */
  static open(folder: string, block: number): BlockFile {
    const fd = openSync(join(folder, blockFileName(block)), "r");
    try {
      const { size } = fstatSync(fd);
      if (size < HEADER_BYTES + FOOTER_BYTES) throw new FormatError("the file is too short");
      const header = readAt(fd, 0, HEADER_BYTES);
      if (header.toString("latin1", 0, 6) !== MAGIC) throw new FormatError("this is no block");
      if (header.readUInt16LE(6) !== VERSION) throw new FormatError(`its version is ${header.readUInt16LE(6)}`);
      const footer = readAt(fd, size - FOOTER_BYTES, FOOTER_BYTES);
      const length = footer.readUInt32LE(0);
      if (footer.toString("latin1", 8) !== END_MAGIC || length > size - HEADER_BYTES - FOOTER_BYTES) {
        throw new FormatError("its end is damaged");
      }
      const index = readAt(fd, size - FOOTER_BYTES - length, length);
      if (crc32(index) !== footer.readUInt32LE(4)) throw new FormatError("its index is damaged");
      return new BlockFile(fd, block, size, new ByteReader(index));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Undefined: the block has no such group. Throws FormatError on damage. */
  read(group: number): Buffer | undefined {
    const i = placeOf(this.groups, group);
    if (i < 0) return undefined;
    const length = this.offsets[i + 1] - this.offsets[i];
    if (length < GROUP_HEADER_BYTES || length > GROUP_BYTES_MAX) throw new FormatError("impossible length");
    const data = readAt(this.fd, this.offsets[i], length);
    if (crc32(data.subarray(4)) !== data.readUInt32LE(0)) throw new FormatError("checksum");
    const body = data.subarray(GROUP_HEADER_BYTES);
    if (data[4] === PLAIN) return body;
    if (data[4] !== DEFLATED) throw new FormatError("unknown codec");
    try {
      return inflateRawSync(body, { maxOutputLength: GROUP_BYTES_MAX });
    } catch (error) {
      throw new FormatError(`it does not inflate: ${(error as Error).message}`);
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

function readAt(fd: number, position: number, length: number): Buffer {
  const data = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const got = readSync(fd, data, done, length - done, position + done);
    if (got === 0) throw new FormatError("the file ends early");
    done += got;
  }
  return data;
}

function placeOf(sorted: Uint32Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length && sorted[low] === wanted ? low : -1;
}
