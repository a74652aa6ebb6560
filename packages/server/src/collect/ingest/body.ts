// Bodies of push protocols: raw bytes with a limit, before and after decompression.
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { StorewatchError } from "../../kernel/errors.ts";
import { unzstd } from "./zstd.ts";

const BODY_LIMIT_BYTES = 16 * 2 ** 20;
const DECOMPRESSED_LIMIT_BYTES = 64 * 2 ** 20;

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);

/** Bodies of one protocol that are being read or worked on, together. */
const BODIES_BYTES_MAX = 128 * 2 ** 20;

/** In this scope every body, whatever its type, comes as bytes; `bytesMax`: what all of them may take at once. */
export function takeRawBodies(
  app: FastifyInstance,
  limitBytes = BODY_LIMIT_BYTES,
  bytesMax = Math.max(BODIES_BYTES_MAX, limitBytes),
): void {
  const held = new WeakMap<FastifyRequest, { bytes: number }>();
  let taken = 0;
  app.addHook("onRequest", async (request, reply) => {
    const own = { bytes: 0 };
    held.set(request, own);
    reply.raw.once("close", () => {
      taken -= own.bytes;
      own.bytes = 0;
    });
  });
  const hold = (request: FastifyRequest, bytes: number) => {
    const own = held.get(request);
    if (!own) return;
    if (own.bytes + bytes > limitBytes) throw new StorewatchError("BODY_TOO_LARGE", { limit: limitBytes });
    if (taken + bytes > bytesMax)
      throw new StorewatchError("UNAVAILABLE", { reason: "too many bodies are being read: send this one again" });
    own.bytes += bytes;
    taken += bytes;
  };
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { bodyLimit: limitBytes }, (request: FastifyRequest, payload: Readable) =>
    collect(payload, (bytes) => hold(request, bytes)),
  );
}

/** What is refused is read to its end and forgotten: a sender that is cut off in the middle would not see the answer. */
function collect(payload: Readable, hold: (bytes: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let isRefused = false;
    payload.on("data", (part: Buffer) => {
      if (isRefused) return;
      try {
        hold(part.length);
        parts.push(part);
      } catch (error) {
        isRefused = true;
        parts.length = 0;
        reject(error);
      }
    });
    payload.once("end", () => resolve(Buffer.concat(parts)));
    payload.once("error", reject);
    payload.once("close", () => reject(new StorewatchError("BAD_REQUEST", { reason: "the body ended early" })));
  });
}

/** The body as its sender wrote it. Throws BODY_TOO_LARGE, MEDIA_TYPE, BAD_REQUEST. */
export async function readBody(request: FastifyRequest, limitBytes = DECOMPRESSED_LIMIT_BYTES): Promise<Buffer> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const encoding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  const options = { maxOutputLength: limitBytes };
  try {
    if (encoding === "identity" || encoding === "") return body;
    if (encoding === "gzip" || encoding === "x-gzip") return await gunzipAsync(body, options);
    if (encoding === "deflate") return await inflateAsync(body, options);
    if (encoding === "zstd") return await unzstd(body, limitBytes);
  } catch (error) {
    if (error instanceof StorewatchError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new StorewatchError("BODY_TOO_LARGE", { limit: limitBytes });
    throw new StorewatchError("BAD_REQUEST", { reason: `the body is not ${encoding}` }, { cause: error });
  }
  throw new StorewatchError("MEDIA_TYPE", {});
}

/** Throws BAD_REQUEST. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorewatchError("BAD_REQUEST", { reason: `the body is not JSON: ${reason}` }, { cause: error });
  }
}
