import { format } from "node:util";
import type { DestinationStream, Logger, LoggerOptions } from "pino";
import type { Storewatch } from "../../storewatch.ts";
import { LineMaker, type LineOptions } from "../line-maker.ts";
import { withinSize } from "../line-size.ts";
import type { LineLogger } from "../request-logger.ts";

export interface PinoOptions extends LineOptions {
  /** The most verbose level that is written. Default: `debug` in development, else `info`. */
  readonly level?: string;
}

/** The function that pino's module is. */
type CreatePino = typeof import("pino").pino;

/**
 * The application's own pino (`createPino(sw, pino)`) with the same lines as `createLogger`: names of fields, context,
 * redaction, sampling. The SDK's own warnings go there too. Logging never throws.
 * @throws RangeError for options that cannot be meant: at the start.
 */
export function createPino(
  sw: Storewatch,
  pino: CreatePino,
  options: PinoOptions = {},
  destination?: DestinationStream,
): Logger {
  const lines = new LineMaker(sw, options);
  const { service, version, environment } = sw;
  const settings: LoggerOptions = {
    level: options.level ?? (environment === "development" ? "debug" : "info"),
    base: { service, version, environment },
    messageKey: "message",
    timestamp: () => `,"timestamp":"${new Date(sw.clock.wallMs()).toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    hooks: {
      logMethod(given, method, level) {
        const write = method as (fields: object, message: string) => void;
        sw.guard.run(
          "logs",
          () => writeLine(lines, given, this.levels.labels[level] ?? "info", write.bind(this)),
          undefined,
        );
      },
    },
  };
  const logger = destination === undefined ? pino(settings) : pino(settings, destination);
  redactChildren(logger, lines);
  const said = lineLogger(logger);
  lines.onLeftOut((message, fields) => said.warn(message, fields));
  sw.useLogger(said);
  sw.stopping.step("logs", () => {
    lines.summary();
    logger.flush();
  });
  return logger;
}

/** Pino's argument order turned round, for `requestLogger` and `sw.useLogger`. */
export function lineLogger(logger: Logger): LineLogger {
  return {
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}

function writeLine(
  lines: LineMaker,
  given: readonly unknown[],
  level: string,
  write: (fields: object, message: string) => void,
): void {
  const admission = lines.admit(level);
  if (!admission.kept) return;
  const { message, parts } = messageOf(given);
  const fields = lines.fields(parts, admission);
  const text = lines.message(message ?? fields.message ?? "");
  // These are the line's own; pino would write them twice.
  for (const name of ["level", "timestamp", "message"]) if (name in fields) fields[name] = undefined;
  const line = withinSize(Object.assign(fields, { message: text }));
  const shown = String(line.message);
  line.message = undefined;
  write(line, shown);
  lines.counts.written(level);
}

/** `(fields, "text %s", …values)`, `("text %s", …values)`, `(error)`, `(error, "text")`. */
function messageOf(given: readonly unknown[]): { message: unknown; parts: readonly unknown[] } {
  const [first, ...rest] = given;
  if (typeof first !== "object" || first === null) return { message: format(...given), parts: [] };
  if (rest.length > 0) return { message: format(...rest), parts: [first] };
  return { message: first instanceof Error ? first.message : undefined, parts: [first] };
}

/** What a child adds to each line is written by pino itself when the child is made. */
function redactChildren(logger: Logger, lines: LineMaker): void {
  const { child } = logger;
  const own = function (this: Logger, bindings: object, options?: object) {
    const clean = lines.redacted(bindings);
    return child.call(this, typeof clean === "object" && clean !== null ? clean : {}, options as never);
  };
  logger.child = own as typeof logger.child;
}
