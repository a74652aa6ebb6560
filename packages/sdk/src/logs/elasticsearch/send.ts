// One request to the server. Redirects are not followed: they would carry the credentials to wherever they point.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Reply } from "./bulk.ts";
import type { ElasticsearchOptions, Target } from "./options.ts";

/** Sends one body; rejects when no whole answer came. */
export interface Sender {
  send(body: string): Promise<Reply>;
  /** Ends what is under way and closes the connection. */
  close(): void;
}

const REPLY_MAX_BYTES = 16 * 1024 * 1024;
const gzipped = promisify(gzip);

/** One kept connection; while idle it keeps no process alive. */
export function httpSender(target: Target, options: ElasticsearchOptions, timeoutMs: number): Sender {
  const secure = target.url.protocol === "https:";
  const keep = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 };
  const ca =
    options.ca === undefined ? {} : { ca: typeof options.ca === "string" ? options.ca : certificates(options.ca) };
  const agent = secure ? new HttpsAgent({ ...keep, ...ca }) : new HttpAgent(keep);
  const ending = new AbortController();
  const headers: Record<string, string> = {
    "content-type": "application/x-ndjson",
    accept: "application/json",
    "user-agent": "storewatch-sdk",
    ...(target.authorization === undefined ? {} : { authorization: target.authorization }),
    ...(options.compress ? { "content-encoding": "gzip" } : {}),
  };

  const exchange = (bytes: Buffer, again: boolean): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(target.url, {
        method: "POST",
        agent,
        signal: ending.signal,
        headers: { ...headers, "content-length": String(bytes.length) },
      });
      // From the first byte to the last: a server that trickles must not hold the queue for ever.
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      timer.unref();
      request.on("error", (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        // The server closed the kept connection just as it was used: no fault of anybody's.
        if (again && request.reusedSocket && error.code === "ECONNRESET") exchange(bytes, false).then(resolve, reject);
        else reject(error);
      });
      request.on("response", (response) => {
        replyOf(response)
          .then(resolve, reject)
          .finally(() => clearTimeout(timer));
      });
      request.end(bytes);
    });
  const send = async (body: string): Promise<Reply> =>
    exchange(options.compress ? await gzipped(body) : Buffer.from(body), true);
  return {
    send,
    close: () => {
      ending.abort();
      agent.destroy();
    },
  };
}

function certificates(ca: NonNullable<Exclude<ElasticsearchOptions["ca"], string>>): Buffer | (string | Buffer)[] {
  return Buffer.isBuffer(ca) ? ca : [...ca];
}

async function replyOf(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > REPLY_MAX_BYTES) {
      response.destroy();
      throw new Error("an answer larger than 16 MB");
    }
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers["retry-after"],
    body: Buffer.concat(chunks).toString(),
  };
}
