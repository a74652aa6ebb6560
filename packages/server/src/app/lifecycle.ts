// Signals: SIGINT and SIGTERM stop gracefully, a second one at once; SIGHUP reloads.
import { systemClock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Running } from "./storewatch.ts";

/** Service managers kill after 10 s (Docker) or later; what is stored survives an exit at any moment. */
const STOP_MS_MAX = 8000;
/** For the last lines of output, when a connection that its other side does not end keeps the process alive. */
const LINGER_MS = 250;

/** Starts, and runs until a signal ends it. A signal during the start ends it too. Throws what `start` throws. */
export async function runUntilStopped(
  start: () => Promise<Pick<Running, "stop" | "reload">>,
  logger: Logger,
): Promise<void> {
  let running: Pick<Running, "stop" | "reload"> | undefined;
  let isStopping = false;
  const exit = () => process.exit(0);
  const stopped = new Promise<void>((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      if (isStopping) process.exit(130);
      isStopping = true;
      logger.info({ signal }, "stopping");
      if (!running) return exit();
      systemClock.setTimer(STOP_MS_MAX, () => {
        logger.warn("stopping takes too long: some connections or deliveries are cut off");
        exit();
      });
      running.stop().then(resolve, (error: unknown) => {
        logger.error({ err: error }, "stopping failed");
        process.exit(1);
      });
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
  running = await start();
  process.on("SIGHUP", () => {
    running.reload().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      logger.error({ reason }, "reload refused, the old configuration stays in force");
    });
  });
  await stopped;
  systemClock.setTimer(LINGER_MS, exit);
}
