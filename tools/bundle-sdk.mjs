// The SDK's CommonJS form, for services that are not ES modules yet: the compiled files, bundled by entry with shared parts,
// and the same types, which a package.json beside them makes CommonJS types. And what browsers load: two small files with
// everything in them, a module and a classic script.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { rolldown } from "rolldown";
import { ROOT } from "./bootstrap.mjs";
import { BROWSER_FORMS, bundleForBrowsers } from "./bundle-browser.mjs";

const SDK = path.join(ROOT, "packages/sdk");
const DIST = path.join(SDK, "dist");
const OUT = path.join(DIST, "cjs");

const { exports: entries } = JSON.parse(readFileSync(path.join(SDK, "package.json"), "utf8"));
/** `express/index` → its compiled file, for each entry that has a CommonJS form. */
const input = Object.fromEntries(
  Object.values(entries)
    .filter((entry) => entry.require)
    .map((entry) => entry.require.default.replace("./dist/cjs/", "").replace(/\.js$/, ""))
    .map((name) => [name, path.join(DIST, `${name}.js`)]),
);
rmSync(OUT, { recursive: true, force: true });
// Peers, and whatever else is not this package's own file, stay where the shop has them.
const bundle = await rolldown({ input, platform: "node", external: /^[^./]/ });
await bundle.write({ dir: OUT, format: "cjs", exports: "named", chunkFileNames: "shared/[name].js" });
await bundle.close();
for (const form of BROWSER_FORMS) writeFileSync(path.join(DIST, "browser", form.file), await bundleForBrowsers(form));
mkdirSync(OUT, { recursive: true });
writeFileSync(path.join(OUT, "package.json"), '{ "type": "commonjs" }\n');
for (const name of readdirSync(DIST, { recursive: true })) {
  if (name.endsWith(".d.ts") && !name.startsWith("cjs")) cpSync(path.join(DIST, name), path.join(OUT, name));
}
