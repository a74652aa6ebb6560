// Starts the product in a temporary data directory, waits until it is ready, stops it: for CI on other Node versions.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ROOT } from "./bootstrap.mjs";

const dataDir = mkdtempSync(path.join(os.tmpdir(), "storewatch-start-"));
const port = 20000 + (process.pid % 10000);
const bin = path.join(ROOT, "packages/server/bin/storewatch.mjs");
const child = spawn(process.execPath, [bin, "serve", "--data", dataDir, "--listen", `127.0.0.1:${port}`], {
  stdio: "inherit",
});
const deadline = Date.now() + 30_000;
let ready = false;
while (!ready && Date.now() < deadline && child.exitCode === null) {
  ready = await fetch(`http://127.0.0.1:${port}/health/ready`).then(
    (r) => r.ok,
    () => false,
  );
  if (!ready) await new Promise((resolve) => setTimeout(resolve, 200));
}
child.kill("SIGTERM");
await new Promise((resolve) => (child.exitCode === null ? child.on("exit", resolve) : resolve()));
rmSync(dataDir, { recursive: true, force: true });
console.log(
  ready ? `started and stopped on Node ${process.version}` : `did not become ready on Node ${process.version}`,
);
process.exit(ready && child.exitCode === 0 ? 0 : 1);
