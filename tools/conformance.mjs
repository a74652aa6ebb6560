// `npm run conformance -- DIR [--verbose] [--suite NAME]`: the peers' own test data against Storewatch.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt, ensureInstalled, ROOT, requireNode } from "./bootstrap.mjs";

requireNode();
await ensureInstalled();
await ensureBuilt();
await import(pathToFileURL(path.join(ROOT, "packages/server/dist/conformance/main.js")).href);
