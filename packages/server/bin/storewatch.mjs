#!/usr/bin/env node
// The command line's entry: the built program beside it. Committed, so that the link exists right after `npm ci`.
import { statSync } from "node:fs";

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
