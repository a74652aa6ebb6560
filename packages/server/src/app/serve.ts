// `storewatch serve`.

import { systemEnvironment } from "../config/environment.ts";
import { type LoadConfigOptions, loadConfig } from "../config/storewatch-config.ts";
import { systemClock } from "../kernel/clock.ts";
import { createLogger } from "../kernel/logger.ts";
import { runUntilStopped } from "./lifecycle.ts";
import { startStorewatch } from "./storewatch.ts";

export interface ServeOptions {
  readonly config?: string;
  readonly data?: string;
  readonly listen?: string;
}

/** Runs until a signal ends it. Throws ConfigError and StorewatchError when it cannot start. */
export async function runServe({ config: file, data, listen }: ServeOptions): Promise<void> {
  const environment = systemEnvironment();
  const load: LoadConfigOptions = {
    ...(file === undefined ? {} : { file }),
    flags: { ...(data === undefined ? {} : { data }), ...(listen === undefined ? {} : { listen }) },
    workingDir: process.cwd(),
    environment,
  };
  const config = loadConfig(load);
  const logger = createLogger(config.logLevel);
  await runUntilStopped(async () => {
    const running = await startStorewatch({
      config,
      readConfig: () => loadConfig(load),
      environment,
      clock: systemClock,
      logger,
    });
    console.log(`Storewatch is ready: ${running.url}`);
    if (running.adminTokenFile) console.log(`The admin token is in ${running.adminTokenFile}`);
    return running;
  }, logger);
}
