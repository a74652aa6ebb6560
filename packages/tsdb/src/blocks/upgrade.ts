// Format 1 kept blocks in lmdb: they are copied to files once, at the first start.
//
//   groups   (block u32, group u32) big endian → crc32 u32 | group
//   meta     "B" block u32 → crc32 u32 | first time, span, samples, bytes, id limit, bitmap    block = half hour
//            "S" number u32 → crc32 u32 | series definitions     "E" → crc32 u32 | end of the last sealed window
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Database, RootDatabase } from "lmdb";
import { ByteReader } from "../codec/bytes.ts";
import type { Disk } from "../disk/disk.ts";
import { windowEndMs, windowStartMs } from "../head/window.ts";
import { Bitmap } from "../labels/postings.ts";
import type { BlockStore, BlockSummary } from "./block-store.ts";

const DATA = "data.mdb";
const FILES = [DATA, "lock.mdb"];
type Table = Database<Buffer, Buffer>;

/** `isDone`: the copy was made by an earlier start, which did not come to removing the original. */
export async function upgradeBlocks(path: string, disk: Disk, store: BlockStore, isDone: boolean): Promise<void> {
  const names = await disk.list(path);
  if (names.includes(DATA) && !isDone) {
    const { open } = await import("lmdb");
    const options = { encoding: "binary", keyEncoding: "binary", maxDbs: 4, overlappingSync: false } as const;
    const root: RootDatabase<Buffer, Buffer> = open<Buffer, Buffer>({ path, ...options });
    try {
      const table = (name: string): Table =>
        root.openDB<Buffer, Buffer>({ name, encoding: "binary", keyEncoding: "binary" });
      await copy(table("groups"), table("meta"), store);
    } finally {
      await root.close();
    }
  }
  for (const name of FILES) if (names.includes(name)) await disk.remove(join(path, name));
}

async function copy(groups: Table, meta: Table, store: BlockStore): Promise<void> {
  const batches: Buffer[] = [];
  const add: BlockSummary[] = [];
  let sealedUntilMs = 0;
  for (const { key, value } of meta.getRange({})) {
    const body = checked(value);
    if (!body) continue;
    const kind = key.toString("latin1", 0, 1);
    if (kind === "S") batches.push(Buffer.from(body));
    else if (kind === "E") sealedUntilMs = new ByteReader(Buffer.from(body)).varint();
    else if (kind === "B") add.push(await copyBlock(key.readUInt32BE(1), Buffer.from(body), groups, store));
  }
  for (const block of add) sealedUntilMs = Math.max(sealedUntilMs, block.untilMs);
  await store.replaceSeries(batches);
  await store.commit({ add, remove: [], sealedUntilMs });
}

async function copyBlock(window: number, body: Buffer, groups: Table, store: BlockStore): Promise<BlockSummary> {
  const reader = new ByteReader(body);
  const minTimeMs = reader.varint();
  const maxTimeMs = minTimeMs + reader.varint();
  const samples = reader.varint();
  reader.varint();
  const present = new Bitmap(reader.varint());
  for (let i = 0; i < present.words.length; i++) present.words[i] = reader.u32();
  const span = {
    fromMs: windowStartMs(window),
    untilMs: windowEndMs(window),
    resolutionMs: 0,
    retentionClass: "default",
  };
  const writer = await store.create(span);
  for (const { key, value } of groups.getRange({ start: groupKey(window), end: groupKey(window + 1) })) {
    const group = checked(value);
    if (group) await writer.add(key.readUInt32BE(4), group);
  }
  return writer.finish(present, { minTimeMs, maxTimeMs, samples });
}

function groupKey(window: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeUInt32BE(window, 0);
  return key;
}

/** The value without its checksum; undefined when that is wrong. */
function checked(value: Buffer): Buffer | undefined {
  if (value.length < 4) return undefined;
  const body = value.subarray(4);
  return crc32(body) === value.readUInt32LE(0) ? body : undefined;
}
