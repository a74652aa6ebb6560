// Bodies of push protocols: raw bytes with a limit, before and after decompression.
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { StorewatchError } from "../../kernel/errors.ts";
import { unzstd } from "./zstd.ts";

const BODY_LIMIT_BYTES = 16 * 2 ** 20;
const DECOMPRESSED_LIMIT_BYTES = 64 * 2 ** 20;

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);

/** In this scope every body, whatever its type, comes as bytes. */
export function takeRawBodies(app: FastifyInstance, limitBytes = BODY_LIMIT_BYTES): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: limitBytes }, (_request, body, done) =>
    done(null, body),
  );
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
