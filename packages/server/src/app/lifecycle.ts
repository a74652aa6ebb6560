// Signals: SIGINT and SIGTERM stop gracefully, a second one at once; SIGHUP reloads.
import type { Logger } from "../kernel/logger.ts";
import type { Running } from "./storewatch.ts";

export function runUntilStopped(running: Running, logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (signal: NodeJS.Signals) => {
      if (isStopping) process.exit(130);
      isStopping = true;
      logger.info({ signal }, "stopping");
      running.stop().then(resolve, (error: unknown) => {
        logger.error({ err: error }, "stopping failed");
        process.exit(1);
      });
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
    process.on("SIGHUP", () => {
      running.reload().catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        logger.error({ reason }, "reload refused, the old configuration stays in force");
      });
    });
  });
}
