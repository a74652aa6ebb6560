// RESP2, the protocol of Redis: requests as arrays of strings, replies out of pieces of a stream.

/** What the server refused, with its own words (`NOAUTH Authentication required.`). */
export class RedisError extends Error {}

export type RedisReply = string | number | null | RedisError | readonly RedisReply[];

/** A reply larger than this ends the connection: INFO of a server with many commands has about 60 kB. */
const REPLY_BYTES_MAX = 16 * 1024 * 1024;
const DEPTH_MAX = 8;
const CR = 13;

export function encodeRequest(parts: readonly string[]): string {
  let text = `*${parts.length}\r\n`;
  for (const part of parts) text += `$${Buffer.byteLength(part)}\r\n${part}\r\n`;
  return text;
}

/** The reply goes on in a piece that has not come yet. */
const MORE = Symbol("more");

export class ReplyParser {
  private pending: Buffer = Buffer.alloc(0);
  private position = 0;

  /** The replies that are complete with this piece. Throws on what is no RESP2, and on too much. */
  push(piece: Buffer): readonly RedisReply[] {
    this.pending = this.pending.length === 0 ? piece : Buffer.concat([this.pending, piece]);
    const replies: RedisReply[] = [];
    let start = 0;
    for (;;) {
      this.position = start;
      const reply = this.pending.length > start ? this.read(0) : MORE;
      if (reply === MORE) break;
      replies.push(reply);
      start = this.position;
    }
    this.pending = this.pending.subarray(start);
    if (this.pending.length > REPLY_BYTES_MAX) throw new Error(`a reply of more than ${REPLY_BYTES_MAX} bytes`);
    return replies;
  }

  private read(depth: number): RedisReply | typeof MORE {
    if (depth > DEPTH_MAX) throw new Error("the reply is nested too deep");
    const line = this.readLine();
    if (line === MORE) return MORE;
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
        return rest;
      case "-":
        return new RedisError(rest);
      case ":":
        return integer(rest);
      case "$":
        return this.readBulk(integer(rest));
      case "*":
        return this.readArray(integer(rest), depth);
      default:
        throw new Error("the answer is not of the Redis protocol");
    }
  }

  private readLine(): string | typeof MORE {
    const end = this.pending.indexOf(CR, this.position);
    if (end === -1 || end + 1 >= this.pending.length) return MORE;
    const line = this.pending.toString("utf8", this.position, end);
    this.position = end + 2;
    return line;
  }

  private readBulk(length: number): string | null | typeof MORE {
    if (length === -1) return null;
    if (length < 0 || length > REPLY_BYTES_MAX) throw new Error(`a string of ${length} bytes in the reply`);
    const end = this.position + length;
    if (end + 2 > this.pending.length) return MORE;
    const text = this.pending.toString("utf8", this.position, end);
    this.position = end + 2;
    return text;
  }

  private readArray(length: number, depth: number): RedisReply | typeof MORE {
    if (length === -1) return null;
    if (length < 0 || length > REPLY_BYTES_MAX) throw new Error(`an array of ${length} in the reply`);
    const items: RedisReply[] = [];
    for (let i = 0; i < length; i++) {
      const item = this.read(depth + 1);
      if (item === MORE) return MORE;
      items.push(item);
    }
    return items;
  }
}

function integer(text: string): number {
  if (!/^-?\d{1,20}$/.test(text)) throw new Error("the answer is not of the Redis protocol");
  return Number(text);
}
