// A client at a fixed rate whose latencies have fractions of a millisecond.
import http from "node:http";
import { setTimeout } from "node:timers/promises";

/** Sends `amount` requests at `perSecond`, each on the next of the connections; resolves with the latencies in ms. */
export async function paced({ port, path, headers, amount, connections, perSecond }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const latencies = [];
  const one = (sentMs) =>
    new Promise((resolve, reject) => {
      http
        .get({ port, host: "127.0.0.1", path, headers, agent }, (answer) => {
          answer.resume().once("end", () => {
            latencies.push(performance.now() - sentMs);
            resolve();
          });
        })
        .once("error", reject);
    });
  const startMs = performance.now();
  const running = [];
  for (let i = 0; i < amount; i += 1) {
    const dueMs = startMs + (i * 1000) / perSecond;
    if (dueMs > performance.now()) await setTimeout(dueMs - performance.now());
    running.push(one(performance.now()));
  }
  await Promise.all(running);
  agent.destroy();
  return latencies;
}
