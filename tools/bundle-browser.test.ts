// What every customer of every shop loads: small, whole, and without what a strict policy forbids.
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { BROWSER_FORMS, bundleForBrowsers } from "./bundle-browser.mjs";

const GZIP_BYTES_MAX = 6000;

test.each(BROWSER_FORMS)("$file is at most 6 kB with gzip, and one file without imports", async (form) => {
  const code = await bundleForBrowsers(form);
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(GZIP_BYTES_MAX);
  expect(code).not.toMatch(/\bimport\b|\brequire\(|\beval\(|new Function|document\.cookie|localStorage|sessionStorage/);
  expect(code).toMatch(/^\/\*! Storewatch.*web-vitals.*Apache-2\.0/);
  // Web Vitals and our own part are both in it.
  for (const part of ["largest-contentful-paint", "/rum/", "sendBeacon"]) expect(code).toContain(part);
});
