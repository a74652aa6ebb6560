// The fetcher over real sockets, against a server that says exactly what the test wants.
import { createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAddressRules } from "../../kernel/address-rules.ts";
import { systemClock } from "../../kernel/clock.ts";
import { ConfiguredHttp } from "../http/configured-http.ts";
import type { HttpClientConfig } from "../prometheus-config.ts";
import { createHttpFetcher, type HttpFetcher } from "./http-fetch.ts";
import { BodyLimitError, PageBuffer } from "./page-buffer.ts";
import { isPlain } from "./plain-http.ts";

const CONFIG: HttpClientConfig = {
  followRedirects: true,
  headers: [],
  tls: { ca: "", caFile: "", cert: "", certFile: "", keyFile: "", serverName: "", insecureSkipVerify: false },
} as unknown as HttpClientConfig;
const page = (body: string, head = "") => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${head}\r\n${body}`;

let server: Server;
let fetcher: HttpFetcher;
/** Each connection with the requests that came on it. */
let connections: { readonly socket: Socket; readonly requests: string[] }[];
let answer: (socket: Socket, request: string, count: number) => void;

beforeEach(async () => {
  connections = [];
  let count = 0;
  server = createServer((socket) => {
    const connection = { socket, requests: [] as string[] };
    connections.push(connection);
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!text.endsWith("\r\n\r\n")) return;
      connection.requests.push(text);
      answer(socket, text, count++);
      text = "";
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  fetcher = createHttpFetcher({
    config: CONFIG,
    http: new ConfiguredHttp(CONFIG, () => Promise.reject(new Error("no proxy here")), systemClock),
    negotiation: { protocols: ["PrometheusText0.0.4"], escaping: "allow-utf-8", fallback: undefined },
    rules: createAddressRules(),
    clock: systemClock,
    userAgent: "test",
  });
});

afterEach(async () => {
  fetcher.close();
  for (const { socket } of connections) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function get(path = "/metrics?a=b", limits: { timeoutMs?: number; bodyLimitBytes?: number } = {}) {
  const into = new PageBuffer();
  const port = (server.address() as { port: number }).port;
  await fetcher.fetch({
    url: new URL(`http://127.0.0.1:${port}${path}`),
    timeoutMs: limits.timeoutMs ?? 5000,
    page: into,
    bodyLimitBytes: limits.bodyLimitBytes ?? 1e6,
    compress: true,
    signal: new AbortController().signal,
  });
  expect(into.bytes[into.length]).toBe(10);
  return into.bytes.toString("utf8", 0, into.length);
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 30));

describe("a kept connection", () => {
  test("carries one scrape after the other", async () => {
    answer = (socket, _request, count) => socket.write(page(`up ${count}\n`));
    expect([await get(), await get(), await get()]).toEqual(["up 0\n", "up 1\n", "up 2\n"]);
    expect(connections).toHaveLength(1);
    const [first] = connections[0].requests;
    expect(first).toMatch(/^GET \/metrics\?a=b HTTP\/1\.1\r\n/);
    expect(first).toMatch(/\r\nhost: 127\.0\.0\.1:\d+\r\n/);
    expect(first).toContain("\r\naccept-encoding: gzip\r\n");
  });

  test("several at once have a connection each, and all are used again", async () => {
    answer = (socket, request) => void setTimeout(() => socket.write(page(request.split(" ")[1])), 20);
    const round = () => Promise.all(["/a", "/b", "/c"].map((path) => get(path)));
    expect(await round()).toEqual(["/a", "/b", "/c"]);
    expect(await round()).toEqual(["/a", "/b", "/c"]);
    expect(connections).toHaveLength(3);
  });

  test("that the server closed while idle is replaced", async () => {
    answer = (socket, _request, count) => {
      socket.write(page(`up ${count}\n`));
      if (count === 0) setTimeout(() => socket.end(), 5);
    };
    await get();
    await settled();
    expect(await get()).toBe("up 1\n");
    expect(connections).toHaveLength(2);
  });

  test("that ends in the moment of its use is replaced once", async () => {
    answer = (socket, _request, count) => {
      if (count === 1) socket.resetAndDestroy();
      else socket.write(page(`up ${count}\n`));
    };
    await get();
    expect(await get()).toBe("up 2\n");
  });

  test("is given up after `Connection: close`, after bytes too many, and when the server speaks unasked", async () => {
    answer = (socket, _request, count) => {
      if (count === 0) socket.write(page("a 1\n", "Connection: close\r\n"));
      if (count === 1) socket.write(`${page("b 1\n")}more`);
      if (count === 2) {
        socket.write(page("c 1\n"));
        setTimeout(() => socket.write("HTTP/1.1 408 Request Timeout\r\n\r\n"), 5);
      }
      if (count === 3) socket.write(page("d 1\n"));
    };
    expect([await get(), await get(), await get()]).toEqual(["a 1\n", "b 1\n", "c 1\n"]);
    await settled();
    expect(await get()).toBe("d 1\n");
    expect(connections).toHaveLength(4);
  });

  test("ends with retire(), and nothing is kept after it", async () => {
    answer = (socket) => socket.write(page("up 1\n"));
    await get();
    fetcher.retire();
    await settled();
    expect(connections[0].socket.destroyed).toBe(true);
    expect(await get()).toBe("up 1\n");
    await settled();
    expect(connections[1].socket.destroyed).toBe(true);
  });
});

describe("what can go wrong", () => {
  test("a page cut short, a refused connection, a status", async () => {
    answer = (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nup 1\n");
    await expect(get()).rejects.toThrow("the connection ended before the page did");
    answer = (socket) => socket.write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
    await expect(get()).rejects.toThrow("server returned HTTP status 503 Service Unavailable");
    answer = (socket) => socket.write(page("up 1\n"));
    expect(await get()).toBe("up 1\n");
    fetcher.close();
    for (const { socket } of connections) socket.destroy();
    const url = new URL("http://127.0.0.1:1/");
    const request = { url, timeoutMs: 1000, page: new PageBuffer(), bodyLimitBytes: 10, compress: false };
    const { signal } = new AbortController();
    await expect(fetcher.fetch({ ...request, signal })).rejects.toThrow("connection refused");
  });

  test("a slow server: the time limit ends it, and its late answer reaches nobody", async () => {
    answer = (socket, request) => {
      if (request.startsWith("GET /slow ")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslow");
      else socket.write(page("up 1\n"));
    };
    const slow = get("/slow", { timeoutMs: 300 });
    await expect(slow).rejects.toThrow("no complete answer within the scrape timeout of 0.3 s");
    expect(await get()).toBe("up 1\n");
    expect(connections).toHaveLength(2);
  });

  test("too large, with a length or in chunks", async () => {
    answer = (socket) => socket.write(page("x".repeat(200)));
    await expect(get("/", { bodyLimitBytes: 100 })).rejects.toThrow(BodyLimitError);
    answer = (socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${`40\r\n${"x".repeat(64)}\r\n`.repeat(3)}`);
    await expect(get("/", { bodyLimitBytes: 100 })).rejects.toThrow(BodyLimitError);
  });

  test("content that was not asked for", async () => {
    answer = (socket) => socket.write(page("x", "Content-Type: application/vnd.google.protobuf; encoding=text\r\n"));
    await expect(get()).rejects.toThrow("protobuf with encoding text, only delimited can be read");
    answer = (socket) => socket.write(page("x", "Content-Encoding: br\r\n"));
    await expect(get()).rejects.toThrow("content encoding br, which was not asked for");
  });
});

test("gzip is unpacked within the limit", async () => {
  const zipped = (text: string) => {
    const bytes = gzipSync(text);
    return Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n\r\n`),
      bytes,
    ]);
  };
  answer = (socket) => socket.write(zipped("up 1\n"));
  expect(await get()).toBe("up 1\n");
  answer = (socket) => socket.write(zipped("x".repeat(100_000)));
  await expect(get("/", { bodyLimitBytes: 1000 })).rejects.toThrow(BodyLimitError);
});

describe("left to the general client", () => {
  test("redirects, and it is remembered for that address only", async () => {
    answer = (socket, request) => {
      if (request.startsWith("GET /old "))
        socket.write("HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n");
      else socket.write(page("moved 1\n"));
    };
    const asked = () => connections.flatMap(({ requests }) => requests.map((text) => text.split(" ")[1]));
    expect(await get("/old")).toBe("moved 1\n");
    expect(asked()).toEqual(["/old", "/old", "/new"]);
    expect(await get("/old")).toBe("moved 1\n");
    expect(asked().sort()).toEqual(["/new", "/new", "/old", "/old", "/old"]);
  });

  test("HTTP/1.0, a body that ends with the connection, hints before the answer", async () => {
    answer = (socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nold 1\n");
    expect(await get("/1")).toBe("old 1\n");
    answer = (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nunframed 1\n");
    expect(await get("/2")).toBe("unframed 1\n");
    answer = (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${page("two 1\n")}`);
    expect(await get("/3")).toBe("two 1\n");
  });

  test("chunk extensions and trailers", async () => {
    const chunks = "5;a=b\r\nup 1\n\r\n0\r\nDigest: x\r\n\r\n";
    answer = (socket) => socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
    expect(await get()).toBe("up 1\n");
    expect(await get()).toBe("up 1\n");
  });

  test("garbage is told in its words", async () => {
    answer = (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    await expect(get()).rejects.toThrow("Parse Error");
  });

  test("TLS, and headers that frame a message or cannot be sent", () => {
    const url = new URL("http://target/metrics");
    expect(isPlain(url, { authorization: "Bearer x", "x-many": ["a", "b"] })).toBe(true);
    expect(isPlain(new URL("https://target/"), {})).toBe(false);
    const odd: Record<string, string | string[]>[] = [
      { Host: "other" },
      { te: "trailers" },
      { "x y": "a" },
      { x: "a\r\nb: c" },
      { x: ["a", "\0"] },
    ];
    for (const headers of odd) expect(isPlain(url, headers)).toBe(false);
  });
});
