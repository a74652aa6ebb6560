// node dev/screenshots.mjs BASE_URL [OUT_DIR] [--only a,b] [--token TOKEN]: every screen at 1440 and 390 px, light and
// dark, and a report of console errors and of pages that are wider than the window.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const [base = "http://127.0.0.1:24700", out = "/tmp/shots"] = process.argv
  .slice(2)
  .filter((one) => !one.startsWith("--"));
const option = (name) => process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
const only = option("only")?.split(",");
const token = option("token");
const shop = option("shop") ?? "acme";

const PAGES = [
  ["overview", "/"],
  ["overview-6h", "/?range=6h"],
  ["shops", "/tenants"],
  ["shop", `/tenants/${shop}?range=3h`],
  ["alerts", "/alerts"],
  ["alerts-pending", "/alerts?state=pending"],
  ["alerts-shop", "/alerts?group=shop"],
  ["alerts-receiver", "/alerts?group=receiver&severity=critical"],
  ["rules", "/rules"],
  ["rules-cost", "/rules?sort=cost&q=tenant"],
  ["rule", "/rules/tenant-requests?rule=2&range=3h"],
  ["rule-response", "/rules/tenant-requests?rule=4&range=3h"],
  ["rule-edit", "/rules/acme-checkout/edit?range=3h"],
  ["rule-new", "/new-rules"],
  ["quality", "/alert-quality"],
  ["routing", "/routing"],
  ["routing-test", "/routing?labels=alertname%3DTenantOrderRateLow%2C+severity%3Dcritical%2C+tenant_id%3Dacme"],
  ["receivers", "/receivers"],
  ["dashboards", "/dashboards"],
  ["dashboard-system", "/dashboards/storewatch-system?range=3h"],
  ["dashboard-business", "/dashboards/storewatch-business?range=6h"],
  ["dashboard-tenant", "/dashboards/storewatch-tenant?range=6h"],
  ["dashboard-node", "/dashboards/rYdddlPWk?range=3h"],
  ["explore", "/explore"],
  [
    "explore-run",
    `/explore?expr=${encodeURIComponent('sum by (tenant_id) (rate(orders_total{status="paid"}[10m])) * 3600')}`,
  ],
  ["explore-bad", `/explore?expr=${encodeURIComponent("sum by (tenant_id (rate(x[5m]))")}`],
  ["targets", "/targets"],
  ["notifications", "/notifications?id=m0"],
  ["inbox", "/notifications?tab=inbox&id=m0"],
  ["admin", "/admin"],
  ["lost", "/nowhere"],
];

mkdirSync(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const problems = [];
for (const width of [1440, 390]) {
  for (const scheme of ["light", "dark"]) {
    if (option("width") && option("width") !== String(width)) continue;
    if (option("scheme") && option("scheme") !== scheme) continue;
    const context = await browser.newContext({
      viewport: { width, height: width > 700 ? 960 : 844 },
      colorScheme: scheme,
      locale: option("lang") ?? "en",
      timezoneId: "Asia/Ho_Chi_Minh",
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    if (token)
      await page.request.post(`${base}/api/storewatch/v1/session`, { data: { token }, headers: { origin: base } });
    let at = "";
    page.on("console", (message) => message.type() === "error" && problems.push(`${at}: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`${at}: ${error.message}`));
    for (const [name, path] of PAGES) {
      if (only && !only.includes(name)) continue;
      at = `${name} ${width} ${scheme}`;
      await page.goto(base + path);
      await page.waitForTimeout(Number(option("wait") ?? 1600));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) problems.push(`${at}: ${wide} px too wide`);
      await page.screenshot({ path: `${out}/${name}-${width}-${scheme}.png`, fullPage: !option("fold") });
    }
    await context.close();
  }
}
await browser.close();
for (const problem of new Set(problems)) console.log(problem);
console.log(`${problems.length} problems`);
