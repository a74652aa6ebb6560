import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect } from "node:tls";
import { FakeClock } from "@storewatch/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { openMetadataStore } from "../store/meta/sqlite-store.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";
import { readTlsPair } from "./tls.ts";

const dir = mkdtempSync(path.join(tmpdir(), "storewatch-tls-"));
const hasOpenssl = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

function makePair(name: string): { cert: string; key: string } {
  const cert = path.join(dir, `${name}.pem`);
  const key = path.join(dir, `${name}.key`);
  const subject = ["-subj", `/CN=${name}`, "-days", "2", "-nodes"];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", key, "-out", cert, ...subject],
    {
      stdio: "ignore",
    },
  );
  return { cert, key };
}

/** The name in the certificate that a new connection gets. */
function servedName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN as string);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

let running: TestServer | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
});

// Needs openssl to make certificates.
describe.skipIf(!hasOpenssl)("TLS", () => {
  test("a renewed certificate is used for new connections; a broken one is not, and the old one stays", async () => {
    const { readFileSync } = await import("node:fs");
    const [one, two] = [makePair("one"), makePair("two")];
    const tls = { certFile: path.join(dir, "live.pem"), keyFile: path.join(dir, "live.key") };
    const put = (cert: string, key: string) => {
      writeFileSync(tls.certFile, readFileSync(cert));
      writeFileSync(tls.keyFile, readFileSync(key));
    };
    put(one.cert, one.key);
    const clock = new FakeClock(1e12);
    running = await startTestServer(openMetadataStore, { tls, clock });
    const { port, url } = await running.server.start();
    expect(url).toBe(`https://127.0.0.1:${port}`);
    expect(await servedName(port)).toBe("one");
    put(two.cert, one.key);
    await clock.advance(5000);
    expect(await servedName(port)).toBe("one");
    put(two.cert, two.key);
    await clock.advance(5000);
    expect(await servedName(port)).toBe("two");
  });

  test("cookies are Secure", async () => {
    const { cert, key } = makePair("secure");
    running = await startTestServer(openMetadataStore, { tls: { certFile: cert, keyFile: key } });
    const answer = await running.server.app.inject(`/?token=${await running.auth.createSignInLink()}`);
    expect(answer.headers["set-cookie"]).toMatch(/; Secure$/);
  });

  test("a missing file or a pair that does not belong together is one clear error", () => {
    const [one, two] = [makePair("a"), makePair("b")];
    expect(() => readTlsPair({ certFile: one.cert, keyFile: two.key })).toThrow(/cannot use the TLS files/);
    expect(() => readTlsPair({ certFile: "/none.pem", keyFile: one.key })).toThrow(/ENOENT.*none.pem/);
  });
});
