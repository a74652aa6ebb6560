// JSON lines with the fields of the platform's logging standard: timestamp, level, message, service, version, tenantId.
import winston from "winston";

export type ShopLogger = winston.Logger;

export function createShopLogger(options: { service: string; version: string; level: string }): ShopLogger {
  return winston.createLogger({
    level: options.level,
    format: winston.format.combine(
      winston.format.timestamp(),
      winston.format.errors({ stack: true }),
      winston.format.json(),
    ),
    defaultMeta: { service: options.service, version: options.version },
    // stderr takes the logs, stdout only what a person asked for: the ready line.
    transports: [new winston.transports.Console({ stderrLevels: Object.keys(winston.config.npm.levels) })],
    exitOnError: false,
  });
}
