import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeRequest, RedisError, type RedisReply, ReplyParser } from "./resp.ts";

function encode(reply: RedisReply): string {
  if (reply === null) return "$-1\r\n";
  if (typeof reply === "number") return `:${reply}\r\n`;
  if (typeof reply === "string") return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  if (reply instanceof RedisError) return `-${reply.message}\r\n`;
  return `*${reply.length}\r\n${reply.map(encode).join("")}`;
}

const reply = fc.letrec<{ reply: RedisReply; list: RedisReply[] }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: "grapheme" }),
    fc.integer(),
    fc.constant(null),
    fc.constant(new RedisError("ERR no")),
    tie("list"),
  ),
  list: fc.array(tie("reply"), { maxLength: 5 }),
})).reply;

describe("RESP", () => {
  it("a request is an array of strings, lengths in bytes", () => {
    expect(encodeRequest(["SET", "giá", ""])).toBe("*3\r\n$3\r\nSET\r\n$4\r\ngiá\r\n$0\r\n\r\n");
  });

  it("replies come out whole, wherever the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 6 }), (replies, cuts) => {
        const bytes = Buffer.from(replies.map(encode).join(""));
        const parser = new ReplyParser();
        const found: RedisReply[] = [];
        const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
        for (let i = 1; i < places.length; i++) {
          if (places[i] > places[i - 1]) found.push(...parser.push(bytes.subarray(places[i - 1], places[i])));
        }
        expect(found).toEqual(replies);
      }),
      { numRuns: 300 },
    );
  });

  it("other bytes end in an error or in waiting, at once", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(Array.isArray(new ReplyParser().push(Buffer.from(bytes)))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each(["$99999999999\r\n", "*-7\r\n", `${"*1\r\n".repeat(50)}`, "HTTP/1.1 400\r\n", ":1e9\r\n"])(
    "refuses %j",
    (text) => {
      expect(() => new ReplyParser().push(Buffer.from(text))).toThrow();
    },
  );

  it("refuses a line without an end before it is large", () => {
    const parser = new ReplyParser();
    const piece = Buffer.alloc(9 * 1024 * 1024, "+");
    parser.push(piece);
    expect(() => parser.push(piece)).toThrow(/more than/);
  });
});
