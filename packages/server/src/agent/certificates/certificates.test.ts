import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import path from "node:path";
import tls from "node:tls";
import { findPeer, temporaryDir } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../kernel/clock.ts";
import { silentLogger } from "../../kernel/logger.ts";
import { renderPage } from "../exposition.ts";
import { parsePage } from "../testing/page-of.ts";
import { parseHostTarget } from "./host-probe.ts";
import { certificatesModule } from "./module.ts";

const openssl = findPeer("openssl");
const dir = temporaryDir("agent-certificates-");
const place = (name: string) => path.join(dir, name);

async function collect(section: unknown) {
  const paths = { procfs: "/proc", sysfs: "/sys", rootfs: "/", udevData: "/run/udev/data" };
  const deps = { clock: systemClock, logger: silentLogger, paths, resolve: place };
  const [collector] = certificatesModule.create(certificatesModule.schema.parse(section), deps);
  return parsePage(renderPage([await collector.collect(new AbortController().signal)]).text).series;
}

describe.skipIf(!openssl)("certificates", () => {
  let server: tls.Server;
  let port: number;

  beforeAll(async () => {
    const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "20", "-x509"];
    const names = ["-addext", "subjectAltName=DNS:shop.example,DNS:www.shop.example,IP:127.0.0.1"];
    const files = ["-keyout", place("shop.key"), "-out", place("shop.pem")];
    const subject = ["-subj", "/OU=Shops/CN=shop.example", "-set_serial", "0x1234567890abcdef1234"];
    execFileSync(openssl ?? "", ["req", ...ec, ...names, ...files, ...subject], { stdio: "ignore" });
    execFileSync(openssl ?? "", ["x509", "-in", place("shop.pem"), "-outform", "DER", "-out", place("one.der")]);
    writeFileSync(place("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    writeFileSync(place("two.pem"), `a remark\n${readFileSync(place("shop.pem"), "utf8")}`);
    server = tls.createServer({ key: readFileSync(place("shop.key")), cert: readFileSync(place("shop.pem")) });
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });

  afterAll(() => new Promise((resolve) => server?.close(resolve)));

  const LABELS =
    'cn="shop.example",dnsnames=",shop.example,www.shop.example,",emails="",file="FILE",ips=",127.0.0.1,",' +
    'issuer_cn="shop.example",ou=",Shops,",serial_no="85968058272638546416180"';

  test("of files: PEM among other lines, DER, a pattern; a broken one is told", async () => {
    const series = await collect({ files: ["two.pem", "one.d*r", "bro*.pem", "no*thing.pem"] });
    const end = series.get(`ssl_file_cert_not_after{${LABELS.replace("FILE", place("two.pem"))}}`) ?? 0;
    expect(Math.abs(end - Date.now() / 1000 - 20 * 86_400)).toBeLessThan(120);
    expect(series.get(`ssl_file_cert_not_after{${LABELS.replace("FILE", place("one.der"))}}`)).toBe(end);
    const success = (name: string) => series.get(`ssl_probe_success{target="${place(name)}"}`);
    expect(["two.pem", "one.der", "broken.pem", "no*thing.pem"].map(success)).toEqual([1, 1, 0, 0]);
  });

  test("of a server: what it shows, though nobody trusts it", async () => {
    const target = `127.0.0.1:${port}`;
    const series = await collect({ hosts: [target, `127.0.0.1:${port}/shop.example`] });
    const expiry = series.get(`probe_ssl_earliest_cert_expiry{target="${target}"}`) ?? 0;
    expect(Math.abs(expiry - Date.now() / 1000 - 20 * 86_400)).toBeLessThan(120);
    expect(series.get(`probe_ssl_earliest_cert_expiry{target="${target}/shop.example"}`)).toBe(expiry);
    expect(series.get(`ssl_cert_trusted{target="${target}"}`)).toBe(0);
    expect(series.get(`ssl_tls_version_info{target="${target}",version="TLSv1.3"}`)).toBe(1);
    expect([...series.keys()].some((key) => key.startsWith("ssl_verified_cert"))).toBe(false);
  });

  test("a server that is away or never answers is a failure of its own, in time", async () => {
    const mute = (await import("node:net")).createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port: mutePort } = mute.address() as AddressInfo;
    const startMs = performance.now();
    const series = await collect({ hosts: ["127.0.0.1:1", `127.0.0.1:${mutePort}`], timeout: "200ms" });
    expect(performance.now() - startMs).toBeLessThan(3000);
    expect(series.get('ssl_probe_success{target="127.0.0.1:1"}')).toBe(0);
    expect(series.get(`ssl_probe_success{target="127.0.0.1:${mutePort}"}`)).toBe(0);
    mute.close();
  });
});

test("targets: a name, an address, another name for the handshake", () => {
  expect(parseHostTarget("shop.example:443")).toMatchObject({
    host: "shop.example",
    port: 443,
    servername: "shop.example",
  });
  expect(parseHostTarget("[::1]:8443/shop.example")).toMatchObject({
    host: "::1",
    port: 8443,
    servername: "shop.example",
  });
  for (const bad of ["shop.example", "https://shop.example", ":443", "x:0", "x:70000", "::1:443", "x:443/"]) {
    expect(parseHostTarget(bad), bad).toBeUndefined();
  }
});
