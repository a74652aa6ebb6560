// `npm run build`: installs and builds everything; does nothing when nothing changed (`--force` builds again).
import { ensureBuilt, ensureInstalled, requireNode } from "./bootstrap.mjs";

requireNode();
await ensureInstalled();
await ensureBuilt({ force: process.argv.includes("--force") });
console.log("Everything is built.");
