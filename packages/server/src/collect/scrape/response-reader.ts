// An HTTP/1.1 response from its bytes, for pages with a Content-Length or in plain chunks. Strict on purpose: whatever is
// not exactly that (chunk extensions and trailers too) is not judged here but left to Node's own client.
import { BodyLimitError, type PageBuffer } from "./page-buffer.ts";

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

/** An answer that only the general client can judge. */
export class UnusualResponse extends Error {}

/** As much as Node's own parser takes. */
const HEAD_BYTES_MAX = 16 * 1024;
/** Below 2^32, so that the size stays exact; no page may be that large. */
const SIZE_DIGITS_MAX = 7;
const CR = 13;
const LF = 10;
const HEAD_END = Buffer.from("\r\n\r\n");

const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;

type State = "head" | "sized" | "chunk-size" | "chunk-size-end" | "chunk" | "chunk-end";

export class ResponseReader {
  private state: State = "head";
  /** What came of a head that is not complete. */
  private partial: Buffer | undefined;
  private page: PageBuffer | undefined;
  /** Bytes of the body or of the chunk that are still to come. */
  private left = 0;
  private digits = 0;
  /** Of "\r\n": how much has come. */
  private lineEnd = 0;
  private isLast = false;
  /** The connection can carry another request. Known when the response is complete. */
  keepsAlive = false;

  constructor(
    /** Where the body goes, judged by the head. What it throws ends the response. */
    private readonly open: (head: ResponseHead) => PageBuffer,
    private readonly limitBytes: number,
  ) {}

  /** Takes bytes, which are its own only during the call. True when the response is complete. Throws. */
  take(bytes: Buffer, length: number): boolean {
    let at = 0;
    if (this.state === "head") {
      at = this.takeHead(bytes, length);
      if (at < 0) return false;
    }
    const end = this.state === "sized" ? this.takeSized(bytes, at, length) : this.takeChunks(bytes, at, length);
    if (end < 0) return false;
    // Bytes that nobody asked for: what follows on this connection cannot be trusted.
    if (end < length) this.keepsAlive = false;
    return true;
  }

  /** Where the body starts in `bytes`, -1 while the head is not complete. */
  private takeHead(bytes: Buffer, length: number): number {
    const earlier = this.partial?.length ?? 0;
    const joined = this.partial ? Buffer.concat([this.partial, bytes.subarray(0, length)]) : bytes.subarray(0, length);
    const end = joined.indexOf(HEAD_END, Math.max(0, earlier - 3));
    if (end < 0 ? joined.length > HEAD_BYTES_MAX : end > HEAD_BYTES_MAX) throw new UnusualResponse("a long head");
    if (end < 0) {
      this.partial = this.partial ? joined : Buffer.from(joined);
      return -1;
    }
    this.partial = undefined;
    this.begin(parseHead(joined.toString("latin1", 0, end)));
    return end + HEAD_END.length - earlier;
  }

  private begin(head: ResponseHead): void {
    const { headers } = head;
    const coding = headers.get("transfer-encoding");
    const size = headers.get("content-length");
    if ((coding === undefined) === (size === undefined)) throw new UnusualResponse("a body of unknown length");
    if (coding !== undefined && coding.toLowerCase() !== "chunked") throw new UnusualResponse("a transfer coding");
    if (size !== undefined && !/^\d{1,15}$/.test(size)) throw new UnusualResponse("an odd length");
    const connection = headers.get("connection")?.toLowerCase();
    if (connection !== undefined && connection !== "keep-alive" && connection !== "close")
      throw new UnusualResponse("an odd connection");
    this.keepsAlive = connection !== "close";
    this.page = this.open(head);
    this.state = size === undefined ? "chunk-size" : "sized";
    this.left = size === undefined ? 0 : Number(size);
    if (this.left > this.limitBytes) throw new BodyLimitError(this.limitBytes);
  }

  /** Where the body ended, -1 when more is to come. */
  private takeSized(bytes: Buffer, at: number, length: number): number {
    const size = Math.min(this.left, length - at);
    if (size > 0) this.page!.append(bytes.subarray(at, at + size), this.limitBytes);
    this.left -= size;
    return this.left === 0 ? at + size : -1;
  }

  /** Where the last chunk ended, -1 when more is to come. */
  private takeChunks(bytes: Buffer, start: number, length: number): number {
    let at = start;
    while (at < length) {
      if (this.state === "chunk") {
        const end = this.takeSized(bytes, at, length);
        if (end < 0) return -1;
        at = end;
        this.state = "chunk-end";
      } else if (this.takeFraming(bytes[at++])) return at;
    }
    return -1;
  }

  /** One byte between the chunks. True when it was the response's last. */
  private takeFraming(byte: number): boolean {
    if (this.state === "chunk-size") {
      this.takeSize(byte);
      return false;
    }
    if (this.state === "chunk-size-end") {
      if (byte !== LF) throw new UnusualResponse("a chunk's size without an end");
      // The last chunk is empty, and has the same end as the others.
      this.isLast = this.left === 0;
      this.state = this.isLast ? "chunk-end" : "chunk";
      return false;
    }
    if (byte !== (this.lineEnd === 0 ? CR : LF)) throw new UnusualResponse("a chunk without an end");
    this.lineEnd = 1 - this.lineEnd;
    if (this.lineEnd === 1) return false;
    this.state = "chunk-size";
    this.digits = 0;
    return this.isLast;
  }

  private takeSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0 && ++this.digits <= SIZE_DIGITS_MAX) this.left = this.left * 16 + digit;
    else if (byte === CR && this.digits > 0) this.state = "chunk-size-end";
    else throw new UnusualResponse("an odd chunk size");
  }
}

function parseHead(text: string): ResponseHead {
  const [first, ...lines] = text.split("\r\n");
  const status = STATUS_LINE.exec(first);
  if (!status) throw new UnusualResponse("an odd status line");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const field = FIELD.exec(line);
    if (!field) throw new UnusualResponse("an odd header");
    const name = field[1].toLowerCase();
    const known = headers.get(name);
    // Two lengths or codings are the stuff of smuggling; other fields may come twice.
    if (known !== undefined && /^(content-|transfer-|connection$|location$)/.test(name))
      throw new UnusualResponse("a header that came twice");
    headers.set(name, known === undefined ? field[2] : `${known}, ${field[2]}`);
  }
  return { status: Number(status[1]), reason: status[2] ?? "", headers };
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
