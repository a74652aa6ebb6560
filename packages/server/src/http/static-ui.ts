// The built web app. Only files found at the start are served, so no path can lead out of the folder.
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};
const COMPRESSIBLE = /^(text\/|application\/|image\/svg)/;

interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly br: Buffer | undefined;
  readonly gzip: Buffer | undefined;
}

export interface StaticUi {
  /** Serves the file of this path, or false when there is none. */
  serve(request: FastifyRequest, reply: FastifyReply, urlPath: string): Promise<boolean>;
}

export function createStaticUi(dir: string | undefined): StaticUi {
  const files = new Set(dir !== undefined && existsSync(dir) ? filesBelow(dir, "") : []);
  const assets = new Map<string, Promise<Asset>>();
  const load = (name: string) => {
    const known = assets.get(name);
    if (known) return known;
    const made = readAsset(path.join(dir!, name), files, name);
    assets.set(name, made);
    made.catch(() => assets.delete(name));
    return made;
  };
  return {
    async serve(request, reply, urlPath) {
      const name = urlPath.slice(1);
      if (!files.has(name)) return false;
      send(request, reply, await load(name), name);
      return true;
    },
  };
}

function send(request: FastifyRequest, reply: FastifyReply, asset: Asset, name: string): void {
  // The build puts a hash of the content into names below assets/.
  const isHashed = name.startsWith("assets/");
  reply.header("cache-control", isHashed ? "public, max-age=31536000, immutable" : "no-cache");
  reply.header("etag", asset.etag).header("content-type", asset.type).header("vary", "accept-encoding");
  if (request.headers["if-none-match"]?.split(",").some((tag) => tag.trim() === asset.etag)) {
    reply.code(304).send();
    return;
  }
  const accepts = String(request.headers["accept-encoding"] ?? "");
  const encoding =
    asset.br && /\bbr\b/.test(accepts) ? "br" : asset.gzip && /\bgzip\b/.test(accepts) ? "gzip" : undefined;
  if (encoding) reply.header("content-encoding", encoding);
  reply.send(encoding === "br" ? asset.br : encoding === "gzip" ? asset.gzip : asset.plain);
}

/** Compressed by the build (name.br, name.gz) or once here, off the event loop. */
async function readAsset(file: string, files: ReadonlySet<string>, name: string): Promise<Asset> {
  const plain = await readFile(file);
  const type = TYPES[path.extname(file)] ?? "application/octet-stream";
  const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
  if (!COMPRESSIBLE.test(type) || plain.length < 1024) return { type, etag, plain, br: undefined, gzip: undefined };
  const [br, gz] = await Promise.all([
    files.has(`${name}.br`) ? readFile(`${file}.br`) : promisify(brotliCompress)(plain, BROTLI),
    files.has(`${name}.gz`) ? readFile(`${file}.gz`) : promisify(gzip)(plain),
  ]);
  return { type, etag, plain, br, gzip: gz };
}

/** Quality 5: about the size of gzip's best at a tenth of the time of brotli's best. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

function filesBelow(dir: string, prefix: string): string[] {
  return readdirSync(path.join(dir, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = `${prefix}${entry.name}`;
    return entry.isDirectory() ? filesBelow(dir, `${name}/`) : [name];
  });
}
