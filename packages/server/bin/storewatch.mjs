#!/usr/bin/env node
// The command line's entry: the built program beside it. Committed, so that the link exists right after `npm ci`.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
const main = new URL("../dist/main.js", import.meta.url);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`storewatch: needs Node.js 20.19 or newer, this is ${process.versions.node}`);
  process.exitCode = 1;
} else if (!existsSync(main)) {
  console.error("storewatch: not built yet: run `npm run build` in the project's folder");
  process.exitCode = 1;
} else {
  await import(main.href);
}
