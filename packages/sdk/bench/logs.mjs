// What a line costs, against plain winston and plain pino in the same process: CPU time of the process, in turns, the quietest
// quarter of the rounds. Lines go to a stream that throws them away, so that what is measured is the making of the line.
// `node bench/logs.mjs [ROUNDS]`
import { Writable } from "node:stream";
import pino from "pino";
import winston from "winston";
import { storewatch } from "../dist/index.js";
import { createPino } from "../dist/logs/pino/index.js";
import { createLogger } from "../dist/logs/winston/index.js";

const ROUNDS = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 24);
const LINES = 10_000;
const LINES_OF_A_REQUEST = 5;
const { format } = winston;

const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
const service = () =>
  storewatch({ service: "bench", version: "1.0.0", environment: "production", metrics: { defaults: false } });
const FIELDS = {
  method: "GET",
  url: "/api/products/7?page=2",
  route: "/api/products/:id",
  statusCode: 200,
  duration: 12.34,
};
const WHO = { tenantId: "acme", userId: "user-1", requestId: "0f8fad5b-d9cb-469f-a165-70867728950e" };
const level = { maxLinesPerSecond: 0 };

const kinds = {};
{
  const logger = winston.createLogger({
    format: format.combine(format.timestamp(), format.errors({ stack: true }), format.json()),
    defaultMeta: { service: "bench", version: "1.0.0" },
    transports: [new winston.transports.Stream({ stream: nowhere() })],
  });
  kinds["winston, plain"] = (fields) => logger.info("HTTP Response", { ...fields, ...WHO });
}
for (const [name, options] of Object.entries({
  "winston, ours": {},
  "winston, ours, no redaction": { redact: false },
})) {
  const sw = service();
  const logger = createLogger(sw, { stream: nowhere(), ...level, ...options });
  kinds[name] = (fields) => logger.info("HTTP Response", fields);
  kinds[name].sw = sw;
}
{
  const sw = service();
  const logger = createLogger(sw, { stream: nowhere(), level: "debug", sample: { debug: 0.01 }, ...level });
  kinds["winston, ours, sampled 1 in 100"] = (fields) => logger.debug("HTTP Response", fields);
  kinds["winston, ours, sampled 1 in 100"].sw = sw;
}
{
  const logger = pino({ base: { service: "bench", version: "1.0.0" } }, nowhere());
  kinds["pino, plain"] = (fields) => logger.info({ ...fields, ...WHO }, "HTTP Response");
}
{
  const sw = service();
  const logger = createPino(sw, pino, level, nowhere());
  kinds["pino, ours"] = (fields) => logger.info(fields, "HTTP Response");
  kinds["pino, ours"].sw = sw;
}

async function cpuUs(write) {
  const before = process.cpuUsage();
  for (let i = 0; i < LINES; i += LINES_OF_A_REQUEST) {
    // As in a service: other work between lines, not one endless burst.
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    const lines = () => {
      for (let line = 0; line < LINES_OF_A_REQUEST; line += 1) write({ ...FIELDS, duration: i });
    };
    if (write.sw) write.sw.context.run({ ...WHO, requestId: `r-${i}` }, lines);
    else lines();
  }
  await new Promise((resolve) => setImmediate(resolve));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / LINES;
}

const figures = new Map(Object.keys(kinds).map((name) => [name, []]));
for (let round = -3; round < ROUNDS; round += 1) {
  for (const [name, write] of Object.entries(kinds)) {
    const us = await cpuUs(write);
    if (round >= 0) figures.get(name).push(us);
  }
}
const quiet = (name) => figures.get(name).toSorted((a, b) => a - b)[Math.floor(ROUNDS / 4)];
console.log(`Node ${process.versions.node}`);
for (const name of figures.keys()) {
  const plain = `${name.split(",")[0]}, plain`;
  const ratio = name === plain ? "" : `, × ${(quiet(name) / quiet(plain)).toFixed(2)} of plain`;
  console.log(`${name.padEnd(32)} ${quiet(name).toFixed(1)} µs CPU a line${ratio}`);
}
process.exit(0);
