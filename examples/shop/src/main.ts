// The example shop: `node dist/main.js --port 9780 --rate 40`. Starts its processes and prints where they listen.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { exitWithParent, tellParent } from "./messages.ts";
import { Supervisor } from "./supervisor.ts";
import { TENANTS } from "./tenants.ts";

const HELP = `usage: main.js [--port 9780] [--metrics-port 9781] [--host 127.0.0.1] [--rate 40] [--seed 1] [--data DIR]
               [--shop-version 1.0.0] [--log-level warn] [--shutdown-notice-ms 0]
environment:   DATABASE_URL (PostgreSQL; else SQLite in DIR), REDIS_URL (carts; else memory), METRICS_TOKEN (bearer for the metrics;
               also --metrics-token),
               STOREWATCH_RUM_ENDPOINT and STOREWATCH_RUM_KEY (pages tell how they load)`;

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
      "metrics-port": { type: "string" },
      "metrics-token": { type: "string" },
      "shutdown-notice-ms": text("0"),
      "log-level": text("warn"),
    },
  });
  const number = (name: "port" | "metrics-port" | "rate" | "seed" | "shutdown-notice-ms", max: number) => {
    const value = Number(values[name]);
    if (!(value >= 0 && value <= max)) throw new Error(`--${name} ${values[name]}: expected a number from 0 to ${max}`);
    return value;
  };
  return {
    ...values,
    port: number("port", 65535),
    metricsPort: values["metrics-port"] === undefined ? undefined : number("metrics-port", 65535),
    rate: number("rate", 1000),
    seed: number("seed", 2 ** 31),
    shutdownNoticeMs: number("shutdown-notice-ms", 60_000),
  };
}

async function main(): Promise<void> {
  const options = parseOptions();
  // The processes started below take it from there: arguments are for all on the machine to see.
  if (options["metrics-token"]) process.env.METRICS_TOKEN = options["metrics-token"];
  const directory = path.resolve(options.data);
  mkdirSync(path.join(directory, "shop"), { recursive: true });
  const supervisor = new Supervisor({
    host: options.host,
    port: options.port,
    ...(options.metricsPort === undefined ? {} : { metricsPort: options.metricsPort }),
    rate: options.rate,
    seed: options.seed,
    version: options["shop-version"],
    databaseFile: path.join(directory, "shop", "shop.sqlite"),
    logLevel: options["log-level"],
    shutdownNoticeMs: options.shutdownNoticeMs,
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
    const { url, metricsUrl, providers } = await supervisor.start();
    writeFileSync(stateFile, `${JSON.stringify({ url, metricsUrl, pid: process.pid })}\n`);
    const tenants = TENANTS.map(({ id, name, tier, timezone, currency }) => ({ id, name, tier, timezone, currency }));
    tellParent({ kind: "ready", url, metricsUrl, providers, tenants });
    const listening = Object.entries(providers).map(([name, provider]) => `${name} ${provider}`);
    console.log(
      `Shop ready at ${url} (admin: ${url}/admin; metrics: ${metricsUrl}; payment providers: ${listening.join(", ")})`,
    );
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
