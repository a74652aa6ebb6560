// `npm run soak -- NAME [ROUNDS]`: the long forms of the tests that take their time. Without a name: lists them.
import path from "node:path";
import { ensureBuilt, ensureInstalled, ROOT, requireNode, run } from "./bootstrap.mjs";

const SOAKS = {
  tsdb: "packages/tsdb/soak/kill.mjs",
  kill: "packages/tsdb/soak/kill.mjs",
  churn: "packages/tsdb/soak/churn.mjs",
};
const [name, ...rest] = process.argv.slice(2);
if (!(name in SOAKS)) {
  console.error(`usage: npm run soak -- NAME [ROUNDS]\nnames: ${Object.keys(SOAKS).join(", ")}`);
  process.exit(2);
}
requireNode();
await ensureInstalled();
await ensureBuilt();
process.exit(await run(process.execPath, ["--expose-gc", path.join(ROOT, SOAKS[name]), ...rest]));
