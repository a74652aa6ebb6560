// A process that ships log lines by the built SDK; what it does is its first argument. Writes one line of JSON at its end.
import { readFileSync } from "node:fs";
import winston from "winston";
import { elasticsearchTransport } from "../packages/sdk/dist/logs/elasticsearch/transport.js";

const [mode, node] = process.argv.slice(2);
const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
const guard = {
  run: (_part, work) => work(),
  failed: () => undefined,
};
const ca = process.env.SHIP_CA && { ca: readFileSync(process.env.SHIP_CA) };
const transport = elasticsearchTransport(
  { node, ...ca, flushIntervalMs: 50, requestTimeoutMs: 1000 },
  { guard, clock },
);
const logger = winston.createLogger({ format: winston.format.timestamp(), transports: [transport] });

/** Bytes in use after everything unused is gone. */
async function heap() {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().heapUsed;
}

const modes = {
  /** As many lines as asked while nobody takes them. */
  async outage() {
    const before = await heap();
    let slowestMs = 0;
    for (let n = 0; n < Number(process.env.SHIP_LINES ?? 200_000); n += 1) {
      const fromMs = performance.now();
      const level = n % 100 === 0 ? "error" : "info";
      logger.log({ level, message: `order ${n} ${"x".repeat(300)}`, tenantId: `shop-${n % 50}`, n });
      slowestMs = Math.max(slowestMs, performance.now() - fromMs);
      if (n % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const grown = (await heap()) - before;
    const fromMs = performance.now();
    await transport.flush(700);
    return { grown, slowestMs, flushMs: performance.now() - fromMs, ...transport.stats() };
  },
  /** Logs and has nothing else to do. */
  async idle() {
    logger.info("last words", { tenantId: "shop-1" });
    await new Promise((resolve) => setTimeout(resolve, 120));
    return transport.stats();
  },
  /** As scripts end. */
  async end() {
    for (let n = 0; n < 1500; n += 1) logger.info("line", { tenantId: "shop-1", n });
    await new Promise((resolve) => logger.on("finish", resolve).end());
    return transport.stats();
  },
};

const result = await modes[mode]?.();
process.stdout.write(`${JSON.stringify(result)}\n`);
