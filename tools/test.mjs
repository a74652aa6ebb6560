// `npm test`: set up what is missing, then the whole suite. Arguments go to vitest.
import path from "node:path";
import { ensureBuilt, ensureInstalled, ROOT, requireNode, run } from "./bootstrap.mjs";

requireNode();
await ensureInstalled();
await ensureBuilt();
const vitest = path.join(ROOT, "node_modules/vitest/vitest.mjs");
process.exit(await run(process.execPath, [vitest, "run", ...process.argv.slice(2)]));
