// `node tools/images.mjs URL TOKEN [SHOP]`: the pictures of the README, taken of a running demo with Chromium. Switch some
// faults on a few minutes before, so that there is something to see.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { ROOT } from "./bootstrap.mjs";

const [base, token, shop = "bepnha"] = process.argv.slice(2);
if (token === undefined) {
  console.error("usage: node tools/images.mjs URL TOKEN [SHOP]");
  process.exit(2);
}
const WIDE = { width: 1440, height: 960 };
const PHONE = { width: 390, height: 844 };
const PICTURES = [
  { name: "overview-light", page: "/?range=1h", viewport: WIDE, colorScheme: "light", locale: "en" },
  { name: "overview-vi", page: "/?range=1h", viewport: WIDE, colorScheme: "light", locale: "vi" },
  { name: "tenant-dark", page: `/tenants/${shop}?range=1h`, viewport: WIDE, colorScheme: "dark", locale: "en" },
  { name: "alerts-phone", page: "/alerts", viewport: PHONE, colorScheme: "dark", locale: "en" },
];
const dir = path.join(ROOT, "docs/images");
mkdirSync(dir, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
for (const { name, page: at, ...look } of PICTURES) {
  const context = await browser.newContext({ ...look, timezoneId: "Asia/Ho_Chi_Minh", reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.request.post(`${base}/api/storewatch/v1/session`, { data: { token }, headers: { origin: base } });
  await page.goto(base + at, { waitUntil: "load" });
  // The live stream never ends, so there is no idle network to wait for: data and charts take about a second.
  await page.waitForTimeout(5000);
  await page.screenshot({ path: path.join(dir, `${name}.png`) });
  console.log(`docs/images/${name}.png`);
  await context.close();
}
await browser.close();
