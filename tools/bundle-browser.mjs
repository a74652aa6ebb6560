// The SDK's browser entry as browsers load it: one file each, minified, with everything in it.
import path from "node:path";
import { rolldown } from "rolldown";
import { ROOT } from "./bootstrap.mjs";

const SOURCES = path.join(ROOT, "packages/sdk/src/browser");

/** A module for bundlers, a classic script for pages without one. */
export const BROWSER_FORMS = [
  { entry: "index.ts", file: "index.js", format: "es" },
  { entry: "script.ts", file: "script.js", format: "iife" },
];

const NOTICE = "/*! Storewatch, Apache-2.0. Contains web-vitals, Copyright Google LLC, Apache-2.0. */";

/** The text of the file. */
export async function bundleForBrowsers({ entry, format }) {
  const bundle = await rolldown({ input: path.join(SOURCES, entry), platform: "browser" });
  const { output } = await bundle.generate({ format, name: "storewatchBrowser", minify: true, postBanner: NOTICE });
  await bundle.close();
  if (output.length !== 1) throw new Error(`BUG: ${entry} became ${output.length} files`);
  return output[0].code;
}
