// zstd, which Datadog's agent compresses with. Node has it from 22.15 on; before that a decoder in JavaScript, which
// believes what a frame says of its size: so the frame is looked at first.
import { promisify } from "node:util";
import zlib from "node:zlib";
import { decompress } from "fzstd";
import { StorewatchError } from "../../kernel/errors.ts";

const MAGIC = 0xfd2fb528;
const BLOCK_MAX = 128 * 1024;
const RLE = 1;

type ZstdDecompress = (
  data: Buffer,
  options: { maxOutputLength: number },
  done: (error: Error | null, out: Buffer) => void,
) => void;
const native = (zlib as { readonly zstdDecompress?: ZstdDecompress }).zstdDecompress;

/** Throws BODY_TOO_LARGE, and Error for what is not zstd. */
export async function unzstd(body: Buffer, limitBytes: number): Promise<Buffer> {
  if (native) return promisify(native)(body, { maxOutputLength: limitBytes });
  if (sizeBound(body) > limitBytes) throw new StorewatchError("BODY_TOO_LARGE", { limit: limitBytes });
  return Buffer.from(decompress(body));
}

/** What the only frame of the body can grow to, or more. Throws when it is not one whole frame. */
function sizeBound(body: Buffer): number {
  if (body.length < 6 || body.readUInt32LE(0) !== MAGIC) throw new Error("not a zstd frame");
  const descriptor = body[4];
  const sizeFlag = descriptor >> 6;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
  let at = 5;
  let window = 0;
  if (!isSingleSegment) {
    const exponent = body[at] >> 3;
    window = 2 ** (10 + exponent) * (1 + (body[at] & 7) / 8);
    at += 1;
  }
  at += dictionaryBytes;
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** sizeFlag;
  const declared =
    sizeBytes === 0 ? 0 : sizeBytes === 8 ? Number(body.readBigUInt64LE(at)) : body.readUIntLE(at, sizeBytes);
  at += sizeBytes;
  const content = sizeBytes === 2 ? declared + 256 : declared;
  return Math.max(content, window, blocksBound(body, at, (descriptor & 4) !== 0));
}

function blocksBound(body: Buffer, from: number, hasChecksum: boolean): number {
  let at = from;
  let bound = 0;
  for (;;) {
    const header = body.readUIntLE(at, 3);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    bound += type === 2 ? BLOCK_MAX : size;
    at += 3 + (type === RLE ? 1 : size);
    if (header & 1) break;
  }
  if (at + (hasChecksum ? 4 : 0) !== body.length) throw new Error("not one whole zstd frame");
  return bound;
}
