// `npm run fault -- NAME [--tenant T] [--off]`: turns a fault of the running example shop on or off.
// `npm run fault` alone lists them. The shop is found by DATA/shop.json, else at the default port.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./bootstrap.mjs";

const USAGE = "usage: npm run fault -- [NAME] [--tenant ID] [--off] [--data DIR | --url URL]";

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        tenant: { type: "string" },
        off: { type: "boolean", default: false },
        data: { type: "string" },
        url: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (positionals.length > 1) throw new Error(`one fault at a time, not ${positionals.join(" ")}`);
    return { ...values, name: positionals[0] };
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

/** The running shop: as told, else by the state file that it keeps in its data folder, else the default address. */
function shopUrl({ url, data }) {
  if (url) return url;
  const folders = data ? [path.resolve(data)] : [path.resolve("data"), path.join(ROOT, "data")];
  for (const folder of folders) {
    for (const file of [path.join(folder, "demo", "shop.json"), path.join(folder, "shop.json")]) {
      if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")).url;
    }
  }
  return "http://127.0.0.1:9780";
}

async function call(url, init) {
  let response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  } catch {
    console.error(`No shop answers at ${new URL(url).origin}. Start it with \`npm start\`, or name it with --url.`);
    process.exit(1);
  }
  const body = await response.json();
  if (response.ok) return body;
  console.error(body.error ?? `the shop answered ${response.status}`);
  process.exit(1);
}

const given = options();
if (given.help) {
  console.log(USAGE);
  process.exit(0);
}
const base = shopUrl(given);
if (given.name === undefined) {
  const { faults } = await call(`${base}/faults`);
  for (const { name, description, active } of faults) {
    const state = active.length === 0 ? "off" : `ON for ${active.map((f) => f.tenant ?? "all shops").join(", ")}`;
    console.log(`${name.padEnd(22)} ${state.padEnd(20)} ${description}`);
  }
} else {
  const query = new URLSearchParams({ on: String(!given.off), ...(given.tenant ? { tenant: given.tenant } : {}) });
  const done = await call(`${base}/faults/${encodeURIComponent(given.name)}?${query}`, { method: "POST" });
  console.log(`${done.fault} is ${done.on ? "on" : "off"} for ${done.tenant ?? "all shops"}.`);
}
