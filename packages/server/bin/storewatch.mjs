#!/usr/bin/env node
// The command line's entry: the built program beside it. Committed, so that the link exists right after `npm ci`.
import { statSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

// V8's young generation stays at its first size of 1 MB; growing to 16 MB it costs 15 MB when idle, 50 MB and a quarter
// of the processor time when scraping 100,000 series, and saves a quarter of what a heavy query costs. Who wants it
// larger: NODE_OPTIONS=--min-semi-space-size=16. Before the imports, because they make it grow.
setFlagsFromString("--semi-space-growth-factor=1");
const [major, minor] = process.versions.node.split(".").map(Number);
const at = (file) => new URL(file, import.meta.url);
const writtenMs = (file) => statSync(at(file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
// The bundle starts in half the time, unless one of the packages in it was compiled again since it was made.
const compiled = ["..", "../../model", "../../promql", "../../tsdb"].map((dir) =>
  writtenMs(`${dir}/dist/.tsbuildinfo`),
);
const bundleMs = writtenMs("../dist/bundle/main.js");
const main = bundleMs > 0 && bundleMs >= Math.max(...compiled) ? "../dist/bundle/main.js" : "../dist/main.js";

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`storewatch: needs Node.js 20.19 or newer, this is ${process.versions.node}`);
  process.exitCode = 1;
} else if (writtenMs(main) === 0) {
  console.error("storewatch: not built yet: run `npm run build` in the project's folder");
  process.exitCode = 1;
} else {
  await import(at(main).href);
}
