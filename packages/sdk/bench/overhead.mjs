// What the SDK costs a request, against a bare server and the document's snippet: CPU from the servers' own clocks, and the
// 99th percentile under the same modest load. Each kind runs in several processes, because a process keeps the luck it had
// with its compiler; they take turns in many short rounds, and the first quartile counts: on a machine that others use too,
// the disturbance is larger than what is measured.
// `node bench/overhead.mjs [ROUNDS]`; with `--strict` missing a target is an exit code of 1. NODE_UNDER_TEST: another Node.
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import autocannon from "autocannon";
import { paced } from "./paced.mjs";

const KINDS = ["bare", "context", "snippet", "sdk"];
const PROCESSES = 3;
const ROUNDS = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 10);
const STRICT = process.argv.includes("--strict");
const WARM_UP_ROUNDS = 2;
const REQUESTS = 4000;
const LATENCY_ROUNDS = 8;
const CONNECTIONS = 8;
const CPU_LIMIT_US = 15;
const P99_LIMIT = 1.03;
const REQUEST = { path: "/api/products/7", headers: { "x-tenant-id": "acme" } };

const servers = [];
for (let i = 0; i < PROCESSES; i += 1) {
  for (const kind of KINDS) {
    const execPath = process.env.NODE_UNDER_TEST ?? process.execPath;
    const child = fork(path.join(import.meta.dirname, "server.mjs"), [kind], { execPath });
    const [{ port, version }] = await once(child, "message");
    servers.push({ kind, child, port, version, cpu: [], p99: [] });
  }
}

const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.floor(values.length * q)];

async function cpuUs({ child }) {
  child.send("cpu");
  const [{ cpu }] = await once(child, "message");
  return cpu.user + cpu.system;
}

for (let i = 0; i < WARM_UP_ROUNDS + ROUNDS; i += 1) {
  for (const server of i % 2 === 0 ? servers : servers.toReversed()) {
    const before = await cpuUs(server);
    const url = `http://127.0.0.1:${server.port}${REQUEST.path}`;
    const run = await autocannon({ url, headers: REQUEST.headers, connections: CONNECTIONS, amount: REQUESTS });
    if (run.non2xx + run.errors > 0) throw new Error("requests failed");
    if (i >= WARM_UP_ROUNDS) server.cpu.push(((await cpuUs(server)) - before) / REQUESTS);
  }
}
// Latency at a fixed rate, far below what the server can do, with a client that sees fractions of a millisecond.
for (let i = 0; i < LATENCY_ROUNDS; i += 1) {
  for (const server of i % 2 === 0 ? servers : servers.toReversed()) {
    const pace = { amount: 400, perSecond: 400, connections: CONNECTIONS };
    const latencies = await paced({ ...REQUEST, port: server.port, ...pace });
    server.p99.push(quantile(latencies, 0.99));
  }
}
for (const { child } of servers) child.kill();

const figures = new Map(
  KINDS.map((kind) => {
    const own = servers.filter((server) => server.kind === kind);
    const quiet = (field) =>
      quantile(
        own.flatMap((server) => server[field]),
        0.25,
      );
    return [kind, { cpu: quiet("cpu"), p99: quiet("p99") }];
  }),
);
const bare = figures.get("bare");
console.log(`Node ${servers[0].version}`);
for (const [kind, { cpu, p99 }] of figures) {
  const more = kind === "bare" ? "" : `, +${(cpu - bare.cpu).toFixed(1)} µs, p99 × ${(p99 / bare.p99).toFixed(3)}`;
  console.log(`${kind.padEnd(8)} ${cpu.toFixed(1)} µs CPU a request, p99 ${p99.toFixed(2)} ms${more}`);
}
const sdk = figures.get("sdk");
const met = sdk.cpu - bare.cpu <= CPU_LIMIT_US && sdk.p99 / bare.p99 <= P99_LIMIT;
console.log(`target: +${CPU_LIMIT_US} µs, p99 × ${P99_LIMIT}: ${met ? "met" : "missed"}`);
process.exit(STRICT && !met ? 1 : 0);
