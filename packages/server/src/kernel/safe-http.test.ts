import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createAddressRules, parseCidr } from "./address-rules.ts";
import {
  createSafeHttp,
  type SafeHttp,
  SafeHttpError,
  type SafeHttpFailure,
  type SafeHttpOptions,
} from "./safe-http.ts";

const servers: Server[] = [];
const clients: SafeHttp[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function client(options: SafeHttpOptions = {}): SafeHttp {
  const made = createSafeHttp(options);
  clients.push(made);
  return made;
}

async function failure(run: Promise<unknown>): Promise<SafeHttpFailure> {
  const error = await run.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof SafeHttpError)) throw new Error(`expected a SafeHttpError, got ${String(error)}`);
  return error.failure;
}

describe("address rules", () => {
  const rules = createAddressRules(["10.1.0.0/16", "169.254.7.0/24", "0.0.0.0/0"]);
  const strict = createAddressRules();
  const ok = (address: string, origin: "user" | "operator", of = strict) => of.refusal(address, origin) === undefined;

  test("the operator reaches private addresses, never metadata in any spelling", () => {
    expect(ok("127.0.0.1", "operator")).toBe(true);
    expect(ok("10.0.0.1", "operator")).toBe(true);
    expect(ok("::1", "operator")).toBe(true);
    for (const address of ["169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::169.254.169.254"]) {
      expect(ok(address, "operator"), address).toBe(false);
    }
    for (const address of ["64:ff9b::a9fe:a9fe", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200"]) {
      expect(ok(address, "operator"), address).toBe(false);
    }
  });

  test("a user reaches public addresses only", () => {
    expect(ok("93.184.215.14", "user")).toBe(true);
    expect(ok("2606:4700::1111", "user")).toBe(true);
    for (const address of [
      "127.0.0.1",
      "0.0.0.0",
      "10.0.0.1",
      "172.31.0.1",
      "192.168.1.1",
      "100.64.0.1",
      "224.0.0.1",
    ]) {
      expect(ok(address, "user"), address).toBe(false);
    }
    for (const address of ["::1", "::", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "ff02::1", "255.255.255.255"]) {
      expect(ok(address, "user"), address).toBe(false);
    }
  });

  test("allow opens ranges; a wide range never opens metadata, an exact one does", () => {
    expect(ok("10.1.2.3", "user", rules)).toBe(true);
    expect(ok("192.168.0.1", "user", rules)).toBe(true);
    expect(ok("169.254.169.254", "user", rules)).toBe(false);
    expect(ok("169.254.7.9", "user", rules)).toBe(true);
  });

  test("ranges are read strictly", () => {
    expect(parseCidr("10.0.0.0/8")).toEqual(["10.0.0.0", 8]);
    expect(parseCidr("::1")).toEqual(["::1", 128]);
    for (const text of ["10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1"]) {
      expect(parseCidr(text), text).toBeUndefined();
    }
  });
});

describe("safe HTTP", () => {
  test("answers with status, headers and body, and sends basic authentication", async () => {
    const url = await serve((request, response) => {
      response.setHeader("X-Seen", request.headers.authorization ?? "");
      response.statusCode = 418;
      response.end("short and stout");
    });
    const answer = await client().request({ url, origin: "operator", basicAuth: { user: "a", password: "b:c" } });
    expect(answer.status).toBe(418);
    expect(answer.headers["x-seen"]).toBe(`Basic ${Buffer.from("a:b:c").toString("base64")}`);
    expect(answer.body.toString()).toBe("short and stout");
  });

  test("a user URL to loopback is refused, also through a name, unless allowed", async () => {
    const url = await serve((_, response) => response.end("inside"));
    const port = new URL(url).port;
    const lookup = async () => [{ address: "127.0.0.1", family: 4 }];
    expect(await failure(client().request({ url, origin: "user" }))).toBe("address");
    expect(await failure(client().request({ url: `http://0x7f.1:${port}/`, origin: "user" }))).toBe("address");
    expect(await failure(client({ lookup }).request({ url: `http://shop.test:${port}/`, origin: "user" }))).toBe(
      "address",
    );
    const open = client({ lookup, allow: ["127.0.0.0/8"] });
    expect((await open.request({ url: `http://shop.test:${port}/`, origin: "user" })).body.toString()).toBe("inside");
  });

  test("the address connected to is the one that was checked", async () => {
    let answers = 0;
    const url = await serve((_, response) => response.end("inside"));
    // First a public address, then loopback: a check apart from the connection would take the first and reach the second.
    const lookup = async () => [{ address: answers++ === 0 ? "127.0.0.1" : "169.254.169.254", family: 4 }];
    const http = client({ lookup });
    const port = new URL(url).port;
    expect((await http.request({ url: `http://rebind.test:${port}/`, origin: "operator" })).status).toBe(200);
    expect(answers).toBe(1);
    expect(await failure(http.request({ url: `http://rebind.test:${Number(port) + 1}/`, origin: "operator" }))).toBe(
      "address",
    );
  });

  test("redirects are off by default, and each hop is checked", async () => {
    const url = await serve((request, response) => {
      if (request.url === "/metadata") response.writeHead(302, { location: "http://169.254.169.254/latest/" }).end();
      else if (request.url === "/file") response.writeHead(302, { location: "file:///etc/passwd" }).end();
      else if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
      else if (request.url === "/once") response.writeHead(303, { location: "/end" }).end();
      else response.end(request.method);
    });
    const http = client();
    const ask = (path: string, followRedirects: boolean, method = "GET") =>
      http.request({
        url: url + path,
        origin: "operator",
        followRedirects,
        method,
        body: method === "POST" ? "x" : undefined,
      });
    expect((await ask("/once", false)).status).toBe(303);
    expect((await ask("/once", true, "POST")).body.toString()).toBe("GET");
    expect(await failure(ask("/metadata", true))).toBe("address");
    expect(await failure(ask("/file", true))).toBe("bad-url");
    expect(await failure(ask("/loop", true))).toBe("redirects");
  });

  test("credentials do not follow a redirect to another host", async () => {
    const other = await serve((request, response) => response.end(request.headers.authorization ?? "none"));
    const url = await serve((_, response) => response.writeHead(307, { location: other }).end());
    const headers = { Authorization: "Bearer secret" };
    const answer = await client().request({ url, origin: "operator", headers, followRedirects: true });
    expect(answer.body.toString()).toBe("none");
  });

  test("time and body limits hold, and the caller can call off", async () => {
    const url = await serve((request, response) => {
      if (request.url === "/slow") return;
      if (request.url === "/drip") return void response.write("a");
      response.end(Buffer.alloc(2000));
    });
    const http = client();
    expect(await failure(http.request({ url: `${url}/slow`, origin: "operator", timeoutMs: 60 }))).toBe("timeout");
    expect(await failure(http.request({ url: `${url}/drip`, origin: "operator", timeoutMs: 60 }))).toBe("timeout");
    expect(await failure(http.request({ url, origin: "operator", bodyLimitBytes: 1999 }))).toBe("body-limit");
    expect((await http.request({ url, origin: "operator", bodyLimitBytes: 2000 })).body.length).toBe(2000);
    const controller = new AbortController();
    const running = failure(http.request({ url: `${url}/slow`, origin: "operator", signal: controller.signal }));
    controller.abort();
    expect(await running).toBe("aborted");
  });

  test("a closed port, an unknown name and a bad URL are told apart", async () => {
    const url = await serve((_, response) => response.end());
    const server = servers[servers.length - 1];
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(client().request({ url, origin: "operator" }))).toBe("connect");
    const lookup = async () =>
      Promise.reject(Object.assign(new Error("getaddrinfo ENOTFOUND x"), { code: "ENOTFOUND" }));
    expect(await failure(client({ lookup }).request({ url: "http://x.test/", origin: "operator" }))).toBe("dns");
    expect(await failure(client().request({ url: "ftp://x.test/", origin: "operator" }))).toBe("bad-url");
    expect(await failure(client().request({ url: "http://", origin: "operator" }))).toBe("bad-url");
  });

  test("a kept connection that the server closed in the meantime is opened anew", async () => {
    const url = await serve((_, response) => response.end("ok"));
    const http = client();
    await http.request({ url, origin: "operator" });
    servers[servers.length - 1].closeAllConnections();
    expect((await http.request({ url, origin: "operator" })).body.toString()).toBe("ok");
  });
});
