// `npm run check`: format, lint, types, layers, dead code, tidy. Every step runs, then the exit code tells.
import path from "node:path";
import { ensureBuilt, ensureInstalled, ROOT, requireNode, run } from "./bootstrap.mjs";

requireNode();
await ensureInstalled();
await ensureBuilt();
const bin = (file) => path.join(ROOT, "node_modules", file);
const STEPS = [
  ["format and lint", [bin("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."]],
  ["types", [bin("typescript/bin/tsc"), "-b"]],
  ["layers", [path.join(ROOT, "tools/layers.mjs")]],
  ["dead code", [bin("knip/bin/knip.js"), "--include", "files,dependencies,unlisted"]],
  ["tidy", [bin("vitest/vitest.mjs"), "run", "tools/tidy.test.ts", "--reporter=dot"]],
];
const failed = [];
for (const [name, argv] of STEPS) {
  console.log(`── ${name}`);
  if ((await run(process.execPath, argv)) !== 0) failed.push(name);
}
console.log(failed.length === 0 ? "All checks passed." : `Failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
