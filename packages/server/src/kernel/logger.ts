import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";

/** Structured log lines (pino). Never log secrets: what could hold one is listed in `redact`. */
export type Logger = PinoLogger;

const redact = {
  paths: [
    "password",
    "token",
    "authorization",
    "cookie",
    "*.password",
    "*.token",
    "*.authorization",
    "*.cookie",
    "headers.authorization",
  ],
  censor: "<secret>",
};

/** `level` as pino names them; lines go to stderr, because stdout is for what a command prints. */
export function createLogger(level: string, stream: DestinationStream = destination({ fd: 2, sync: true })): Logger {
  return pino({ level, redact, base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"` }, stream);
}

export const silentLogger: Logger = pino({ level: "silent" });
