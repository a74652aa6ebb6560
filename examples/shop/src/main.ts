// The example shop: `node dist/main.js --port 9780 --rate 40`. Starts its processes and prints where they listen.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { exitWithParent, tellParent } from "./messages.ts";
import { Supervisor } from "./supervisor.ts";
import { TENANTS } from "./tenants.ts";

const HELP = `usage: main.js [--port 9780] [--host 127.0.0.1] [--rate 40] [--seed 1] [--data DIR] [--shop-version 1.0.0]
               [--metrics-token TOKEN] [--log-level warn]`;

function parseOptions() {
  const text = (fallback: string) => ({ type: "string", default: fallback }) as const;
  const { values } = parseArgs({
    options: {
      port: text("9780"),
      host: text("127.0.0.1"),
      rate: text("40"),
      seed: text("1"),
      data: text("data"),
      "shop-version": text("1.0.0"),
      "metrics-token": { type: "string" },
      "log-level": text("warn"),
    },
  });
  const number = (name: "port" | "rate" | "seed", max: number) => {
    const value = Number(values[name]);
    if (!(value >= 0 && value <= max)) throw new Error(`--${name} ${values[name]}: expected a number from 0 to ${max}`);
    return value;
  };
  return { ...values, port: number("port", 65535), rate: number("rate", 1000), seed: number("seed", 2 ** 31) };
}

async function main(): Promise<void> {
  const options = parseOptions();
  const directory = path.resolve(options.data);
  mkdirSync(path.join(directory, "shop"), { recursive: true });
  const supervisor = new Supervisor({
    host: options.host,
    port: options.port,
    rate: options.rate,
    seed: options.seed,
    version: options["shop-version"],
    databaseFile: path.join(directory, "shop", "shop.db"),
    logLevel: options["log-level"],
    metricsToken: options["metrics-token"],
    entries: import.meta.dirname,
  });
  // Where `npm run fault` finds the shop.
  const stateFile = path.join(directory, "shop.json");
  const stop = () => {
    rmSync(stateFile, { force: true });
    supervisor.stop().finally(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  try {
    const { url, providers } = await supervisor.start();
    writeFileSync(stateFile, `${JSON.stringify({ url, pid: process.pid })}\n`);
    const tenants = TENANTS.map(({ id, name, tier, timezone, currency }) => ({ id, name, tier, timezone, currency }));
    tellParent({ kind: "ready", url, providers, tenants });
    const listening = Object.entries(providers).map(([name, provider]) => `${name} ${provider}`);
    console.log(`Shop ready at ${url} (admin: ${url}/admin; payment providers: ${listening.join(", ")})`);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

exitWithParent();
main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  tellParent({ kind: "failed", message });
  console.error(`shop: ${message}\n${HELP}`);
  // The message to the parent leaves first.
  setTimeout(() => process.exit(1), 20);
});
