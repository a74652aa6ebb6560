// A real Alertmanager on a free loopback port.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { findPeer } from "./peer.ts";
import { freePort, temporaryDir, waitUntil } from "./process.ts";

export interface AlertmanagerProcess {
  readonly url: string;
  json(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

const NOBODY = "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";

/** Throws when it is not installed: ask `findPeer` before. */
export async function startAlertmanager(
  options: { readonly args?: readonly string[] } = {},
): Promise<AlertmanagerProcess> {
  const program = findPeer("prometheus-alertmanager");
  if (!program) throw new Error("no prometheus-alertmanager");
  const dir = temporaryDir("storewatch-alertmanager-");
  const config = path.join(dir, "alertmanager.yml");
  writeFileSync(config, NOBODY);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const argv = [
    `--config.file=${config}`,
    `--storage.path=${path.join(dir, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address=",
    ...(options.args ?? []),
  ];
  const child = spawn(program, argv, { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += String(chunk);
  });
  const ready = () =>
    fetch(`${url}/-/ready`).then(
      (reply) => reply.status < 500,
      () => false,
    );
  await waitUntil(ready, 15_000, () => `alertmanager did not become ready:\n${output}`);
  return {
    url,
    async json(apiPath) {
      const reply = await fetch(url + apiPath);
      return reply.json();
    },
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null) return resolve();
        child.once("exit", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}
