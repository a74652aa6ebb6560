// JSON lines with the fields of the platform's logging standard: timestamp, level, message, service, version, tenantId.
import { currentContext, type Storewatch } from "@storewatch/sdk";
import winston from "winston";

export type ShopLogger = winston.Logger;

export interface LoggingOptions {
  readonly service: string;
  readonly version: string;
  readonly level: string;
  /** Instead of stderr. */
  readonly stream?: NodeJS.WritableStream;
}

export function createShopLogger(options: LoggingOptions): ShopLogger {
  const { stream } = options;
  // stderr takes the logs, stdout only what a person asked for: the ready line.
  const transport = stream
    ? new winston.transports.Stream({ stream })
    : new winston.transports.Console({ stderrLevels: Object.keys(winston.config.npm.levels) });
  return winston.createLogger({
    level: options.level,
    format: winston.format.combine(
      winston.format((line) => Object.assign(line, contextFields()))(),
      winston.format.timestamp(),
      winston.format.errors({ stack: true }),
      winston.format.json(),
    ),
    defaultMeta: { service: options.service, version: options.version },
    transports: [transport],
    exitOnError: false,
  });
}

/** One line for each request that is over. */
export function logRequests(sw: Storewatch, logger: ShopLogger): void {
  sw.hooks.on("requestDone", ({ method, route, statusCode, durationMs }) => {
    logger.info("HTTP Response", { method, route, statusCode, durationMs: Math.round(durationMs) });
  });
}

function contextFields(): Record<string, string> {
  const { requestId, tenantId } = currentContext() ?? {};
  return { ...(requestId ? { requestId } : {}), ...(tenantId ? { tenantId } : {}) };
}
