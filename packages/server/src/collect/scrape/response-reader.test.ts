import http from "node:http";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BodyLimitError, PageBuffer } from "./page-buffer.ts";
import { ResponseReader, UnusualResponse } from "./response-reader.ts";

const SEED = 20261122;

interface Read {
  readonly body: string;
  readonly keepsAlive: boolean;
  readonly isComplete: boolean;
  /** Nothing came behind it. */
  readonly isWhole: boolean;
}

/** Feeds the parts one after the other, each at the start of one reused buffer, as sockets do. */
function read(parts: readonly Buffer[], limitBytes = 1e6): Read {
  const page = new PageBuffer();
  const reader = new ResponseReader(() => page, limitBytes);
  const shared = Buffer.alloc(32 * 1024, "?");
  let isComplete = false;
  const left = [...parts];
  while (left.length > 0 && !isComplete) {
    const part = left.shift()!;
    shared.fill("?");
    part.copy(shared);
    isComplete = reader.take(shared, part.length);
  }
  const { keepsAlive } = reader;
  const body = page.bytes.toString("latin1", 0, page.length);
  return { body, keepsAlive, isComplete, isWhole: keepsAlive && left.length === 0 };
}

/** The same at once, byte by byte, and cut in two at every place: all must agree. */
function everyWay(text: string, limitBytes?: number): Read[] {
  const bytes = Buffer.from(text, "latin1");
  const ways = [[bytes], [...bytes].map((byte) => Buffer.from([byte]))];
  for (let cut = 1; cut < bytes.length; cut++) ways.push([bytes.subarray(0, cut), bytes.subarray(cut)]);
  return ways.map((parts) => read(parts, limitBytes));
}

function gives(text: string, body: string, keepsAlive = true): void {
  for (const one of everyWay(text)) expect(one).toMatchObject({ body, keepsAlive, isComplete: true });
}

function isUnusual(text: string): void {
  const bytes = Buffer.from(text, "latin1");
  expect(() => read([bytes])).toThrow(UnusualResponse);
  expect(() => read([...bytes].map((byte) => Buffer.from([byte])))).toThrow(UnusualResponse);
}

const OK = "HTTP/1.1 200 OK\r\n";

describe("responses that it reads, wherever the network cuts them", () => {
  test("with a length", () => {
    gives(`${OK}Content-Length: 5\r\n\r\nup 1\n`, "up 1\n");
    gives(`${OK}content-length:0\r\n\r\n`, "");
    gives(`HTTP/1.1 200\r\nContent-Length: \t4 \r\nX: \r\n\r\na 1\n`, "a 1\n");
    gives(`${OK}Content-Length: 2\r\nConnection: Close\r\n\r\nok`, "ok", false);
    gives(`${OK}Content-Length: 2\r\nConnection: keep-alive\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nok`, "ok");
  });

  test("in chunks", () => {
    const chunked = "Transfer-Encoding: chunked\r\n\r\n";
    gives(`${OK}${chunked}5\r\nup 1\n\r\n0\r\n\r\n`, "up 1\n");
    gives(`${OK}transfer-encoding: Chunked\r\n\r\n000\r\n\r\n`, "");
    gives(
      `${OK}${chunked}3\r\nup \r\n00a\r\n1\r\n\r\n2\r\n3\n\r\n0A\r\n0123456789\r\n0\r\n\r\n`,
      "up 1\r\n\r\n2\r\n3\n0123456789",
    );
  });

  test("with bytes behind it: the page is good, the connection is not", () => {
    expect(read([Buffer.from(`${OK}Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n`)])).toMatchObject({
      body: "ok",
      keepsAlive: false,
      isComplete: true,
    });
  });

  test("cut short: never complete", () => {
    for (const text of [
      `${OK}Content-Length: 5\r\n\r\nup 1`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r`,
    ]) {
      for (const one of everyWay(text)) expect(one.isComplete).toBe(false);
    }
  });
});

describe("responses that it leaves to the general client", () => {
  test("other framing", () => {
    isUnusual(`${OK}\r\n`);
    isUnusual(`${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok`);
    isUnusual(`${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`);
    isUnusual(`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`);
    isUnusual(`${OK}Content-Length: 2\r\nConnection: upgrade\r\n\r\nok`);
    for (const size of ["-1", "+2", "0x2", "2 2", "", "1e1", "1234567890123456"])
      isUnusual(`${OK}Content-Length: ${size}\r\n\r\nok`);
  });

  test("other heads", () => {
    isUnusual("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    isUnusual("HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n");
    isUnusual("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok");
    isUnusual("ICY 200 OK\r\nContent-Length: 2\r\n\r\nok");
    isUnusual(`${OK}Content-Length: 2\r\nA: b\r\n folded\r\n\r\nok`);
    isUnusual(`${OK}Content-Length : 2\r\n\r\nok`);
    isUnusual(`${OK}Content-Length: 2\nA: b\r\n\r\nok`);
    isUnusual(`${OK}A: \0\r\nContent-Length: 2\r\n\r\nok`);
    isUnusual(`${OK}${"a".repeat(20_000)}`);
  });

  test("other chunks", () => {
    const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
    for (const rest of [
      "\r\n",
      "g\r\n",
      "-1\r\n",
      " 1\r\n",
      "1 \r\n",
      "1\na",
      "1\r\nab",
      "1\r\na\n",
      "12345678\r\n",
      "1;x\na",
    ])
      isUnusual(chunked + rest);
    for (const rest of ["1;x=y\r\na", "0;x\r\n\r\n", "0\r\nA: b\r\n\r\n", "0\r\n\rX"]) isUnusual(chunked + rest);
  });
});

test("a page over its limit: told before it comes, and while it comes in chunks", () => {
  expect(() => read([Buffer.from(`${OK}Content-Length: 11\r\n\r\n`)], 10)).toThrow(BodyLimitError);
  const chunk = "6\r\nabcdef\r\n";
  expect(() => read([Buffer.from(`${OK}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`)], 10)).toThrow(
    BodyLimitError,
  );
  expect(read([Buffer.from(`${OK}Content-Length: 10\r\n\r\n0123456789`)], 10).isComplete).toBe(true);
});

/** What Node's client makes of the bytes; undefined when it refuses them or waits for more. */
function readByNode(bytes: Buffer): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const request = http.request({ createConnection: () => socket, host: "target" }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve(Buffer.concat(parts).toString("latin1")));
      response.on("error", () => resolve(undefined));
    });
    request.on("error", () => resolve(undefined));
    request.end();
    socket.push(bytes);
    socket.push(null);
  });
}

test(`damaged responses: what it reads, Node's client reads the same (seed ${SEED})`, async () => {
  const valid = [
    `${OK}Content-Type: text/plain\r\nContent-Length: 12\r\n\r\nup 1\ndown 0\n`,
    `${OK}Transfer-Encoding: chunked\r\nA: b\r\n\r\n5\r\nup 1\n\r\n7\r\ndown 0\n\r\n0\r\n\r\n`,
  ].map((text) => Buffer.from(text, "latin1"));
  const byte = fc.oneof(fc.constantFrom(...Buffer.from("\r\n :;0159aAfx\0\t-")), fc.integer({ min: 0, max: 255 }));
  const edit = fc.record({ at: fc.nat(150), remove: fc.nat(2), insert: fc.array(byte, { maxLength: 3 }) });
  const property = fc.asyncProperty(
    fc.constantFrom(...valid),
    fc.array(edit, { minLength: 1, maxLength: 3 }),
    fc.nat(150),
    async (original, edits, cutAt) => {
      let bytes = original;
      for (const { at, remove, insert } of edits)
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(insert), bytes.subarray(at + remove)]);
      let own: Read;
      try {
        own = read([bytes.subarray(0, cutAt), bytes.subarray(cutAt)].filter((part) => part.length > 0));
      } catch (error) {
        expect(error).toBeInstanceOf(UnusualResponse);
        return;
      }
      if (!own.isComplete) return;
      const byNode = await readByNode(bytes);
      // Bytes behind the page make Node's client refuse it; ours gives up the connection.
      if (own.isWhole || byNode !== undefined) expect(byNode).toBe(own.body);
    },
  );
  await fc.assert(property, { seed: SEED, numRuns: 2000 });
});
