import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openMetadataStore } from "../store/meta/sqlite-store.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";

const root = mkdtempSync(path.join(tmpdir(), "storewatch-ui-"));
const uiDir = path.join(root, "ui");
const script = `console.log(${JSON.stringify("x".repeat(5000))})`;
let running: TestServer;

beforeAll(async () => {
  mkdirSync(path.join(uiDir, "assets"), { recursive: true });
  writeFileSync(path.join(root, "secret.txt"), "secret");
  writeFileSync(path.join(uiDir, "index.html"), "<!doctype html><title>Storewatch</title>");
  writeFileSync(path.join(uiDir, "assets", "app-1a2b.js"), script);
  running = await startTestServer(openMetadataStore, { uiDir });
});
afterAll(() => running.close());

const get = (url: string, headers: Record<string, string> = {}) => running.server.app.inject({ url, headers });
const page = { accept: "text/html,*/*;q=0.8" };

test("every page address gets the app, every unknown address of a protocol an error", async () => {
  for (const url of ["/", "/tenants/acme", "/dashboards/x?from=1", "/admin/tokens"]) {
    const answer = await get(url, page);
    expect([answer.statusCode, answer.headers["content-type"]], url).toEqual([200, "text/html; charset=utf-8"]);
    expect(answer.headers["cache-control"]).toBe("no-cache");
    expect(answer.headers["content-security-policy"]).toContain("default-src 'none'");
  }
  for (const url of ["/api/v1/nope", "/api/nope", "/assets/gone.js", "/v1/x", "/-/x", "/es/x"]) {
    expect((await get(url, page)).statusCode, url).toBe(404);
  }
  expect((await get("/tenants/acme", { accept: "application/json" })).statusCode).toBe(404);
  expect((await running.server.app.inject({ method: "POST", url: "/tenants", headers: page })).statusCode).toBe(404);
});

test("hashed files are kept for ever, compressed as the browser can, and known again by their tag", async () => {
  const plain = await get("/assets/app-1a2b.js");
  expect(plain.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  expect(plain.body).toBe(script);
  const br = await get("/assets/app-1a2b.js", { "accept-encoding": "gzip, br" });
  expect(brotliDecompressSync(br.rawPayload).toString()).toBe(script);
  const gzip = await get("/assets/app-1a2b.js", { "accept-encoding": "gzip" });
  expect([gzip.headers["content-encoding"], gunzipSync(gzip.rawPayload).toString()]).toEqual(["gzip", script]);
  const again = await get("/assets/app-1a2b.js", { "if-none-match": String(plain.headers.etag) });
  expect([again.statusCode, again.body]).toEqual([304, ""]);
});

test("no address leads out of the folder", async () => {
  for (const url of [
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/assets/../../secret.txt",
    "//etc/passwd",
    "/%",
  ]) {
    const answer = await get(url, page);
    expect(answer.body, url).not.toBe("secret");
    expect(answer.body).not.toContain("root:");
  }
});
