// A process that logs by the built SDK to a console that may have no reader. `node sdk-logs.mjs LINES [cjs]`; what it found
// goes to descriptor 3, as one line of JSON.
import { writeSync } from "node:fs";
import { createRequire } from "node:module";

const lines = Number(process.argv[2]);
const commonJs = process.argv[3] === "cjs";
const require = createRequire(import.meta.url);
const { storewatch } = commonJs
  ? require("../packages/sdk/dist/cjs/index.js")
  : await import("../packages/sdk/dist/index.js");
const { createLogger } = commonJs
  ? require("../packages/sdk/dist/cjs/logs/winston/index.js")
  : await import("../packages/sdk/dist/logs/winston/index.js");
const { createPino } = commonJs
  ? require("../packages/sdk/dist/cjs/logs/pino/index.js")
  : await import("../packages/sdk/dist/logs/pino/index.js");

const sw = storewatch({ service: "e2e", environment: "production", metrics: { defaults: false } });
const logger = createLogger(sw, { maxLinesPerSecond: 0 });
const filler = "x".repeat(1000);
const startMs = performance.now();
let slowestTurnMs = 0;
for (let i = 0; i < lines; i += 1) {
  logger.info("line", { i, filler });
  if (i % 100 !== 0) continue;
  const turnMs = performance.now();
  await new Promise((resolve) => setImmediate(resolve));
  slowestTurnMs = Math.max(slowestTurnMs, performance.now() - turnMs);
}
const text = await sw.metrics.text();
const [, dropped = "0"] = /log_lines_dropped_total\{reason="slow_output"\} (\d+)/.exec(text) ?? [];
const found = {
  tookMs: performance.now() - startMs,
  slowestTurnMs,
  dropped: Number(dropped),
  waiting: process.stdout.writableLength,
};
writeSync(3, `${JSON.stringify({ ...found, pino: typeof createPino })}\n`);
process.exit(0);
