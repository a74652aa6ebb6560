// Starts e2e/sdk-service.mjs: a shop's service with the built SDK, in a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { freePort, waitUntil } from "@storewatch/testkit";

export interface SdkService {
  readonly url: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly child: ChildProcess;
  /** What /metrics says to who has the token. */
  metrics(): Promise<string>;
  /** Status of a path; 0 when nobody answers. */
  status(path: string): Promise<number>;
  /** Resolves with the exit code; null when a signal ended it. */
  ended(): Promise<number | null>;
}

export const SERVICE_TOKEN = "scrape-S3cret";

export async function startSdkService(
  env: Readonly<Record<string, string>> = {},
  options: { readonly nodeArgs?: readonly string[]; readonly until?: string } = {},
): Promise<SdkService> {
  const port = await freePort();
  const metricsPort = Number(env.METRICS_PORT ?? (await freePort()));
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), "e2e/sdk-service.mjs"], {
    cwd: path.resolve(import.meta.dirname, ".."),
    env: {
      ...process.env,
      METRICS_TOKEN: SERVICE_TOKEN,
      ...env,
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const url = `http://127.0.0.1:${port}`;
  const status = (at: string) =>
    fetch(url + at).then(
      async (reply) => {
        await reply.body?.cancel();
        return reply.status;
      },
      () => 0,
    );
  await waitUntil(
    async () => (await status(options.until ?? "/health/ready")) === 200,
    20_000,
    () => `the service did not start:\n${output}`,
  );
  return {
    url,
    port,
    metricsPort,
    child,
    status,
    metrics: async () => {
      const headers = { authorization: `Bearer ${SERVICE_TOKEN}` };
      return (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers })).text();
    },
    ended: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
        else child.once("exit", (code) => resolve(code));
      }),
  };
}
