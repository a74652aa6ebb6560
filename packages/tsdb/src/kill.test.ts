import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const BUILT = fileURLToPath(new URL("../dist/index.js", import.meta.url));
const SOAK = fileURLToPath(new URL("../soak/kill.mjs", import.meta.url));

// The long form is `npm run soak -- tsdb`. It runs the built package, in processes of its own.
test.skipIf(!existsSync(BUILT))(
  "20 kills at random moments lose nothing that was acknowledged",
  { timeout: 180_000 },
  () => {
    const run = spawnSync(process.execPath, [SOAK, "20"], { encoding: "utf8" });
    expect(run.stderr).toBe("");
    expect(run.stdout).toContain("nothing lost, nothing invented");
  },
);
