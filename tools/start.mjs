// `npm start`: set up what is missing, then Storewatch with the example shop.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt, ensureInstalled, ROOT, requireNode } from "./bootstrap.mjs";

requireNode();
await ensureInstalled();
await ensureBuilt();
// In this process, not in a child: one process less, and signals arrive where they are handled.
process.argv.splice(2, 0, "demo");
await import(pathToFileURL(path.join(ROOT, "packages/server/bin/storewatch.mjs")).href);
