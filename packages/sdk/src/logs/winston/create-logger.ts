import type { Writable } from "node:stream";
import winston from "winston";
import type TransportStream from "winston-transport";
import type { Storewatch } from "../../storewatch.ts";
import type { ElasticsearchOptions } from "../elasticsearch/options.ts";
import { elasticsearchTransport } from "../elasticsearch/transport.ts";
import { LineMaker, type LineOptions } from "../line-maker.ts";
import { type ConsoleStyle, consoleOutput, type Output } from "./console-output.ts";
import { Entrance, replaceEntrances } from "./entrance.ts";
import { type FileOptions, fileOutputs } from "./file-output.ts";

export interface LoggerOptions extends LineOptions {
  /** The most verbose level that is written. Default: `debug` in development, else `info`. */
  readonly level?: string;
  /** Default: `pretty` in development, else `json`; `false` for none. */
  readonly console?: ConsoleStyle;
  /** The console is stderr; for programs whose stdout is their result. */
  readonly stderr?: boolean;
  /** In the place of the console. */
  readonly stream?: Writable;
  /** Folder of the daily files; none without it. */
  readonly directory?: string;
  readonly files?: FileOptions;
  /** Ships lines to the tenants' indices. */
  readonly elasticsearch?: ElasticsearchOptions;
  /** Further transports of winston. They get lines as they are after redaction. */
  readonly transports?: readonly TransportStream[];
}

const MESSAGE = Symbol.for("message");
const FLUSH_MS = 4000;
const FLUSH_POLL_MS = 20;

/**
 * Winston as the platform wants it: JSON lines with the fields of the running request, without secrets, on console, daily
 * files and Elasticsearch. The SDK's own warnings go there too. Logging never throws and never waits.
 * @throws RangeError, TypeError for options that cannot be meant: at the start.
 */
export function createLogger(sw: Storewatch, options: LoggerOptions = {}): winston.Logger {
  const development = sw.environment === "development";
  const { level = development ? "debug" : "info", console: style = development ? "pretty" : "json" } = options;
  if (!(level in winston.config.npm.levels)) throw new RangeError(`level: ${JSON.stringify(level)} is no level`);
  const { stream = options.stderr ? process.stderr : process.stdout } = options;
  const lines = new LineMaker(sw, options);
  const outputs: Output[] = style === false ? [] : [consoleOutput(style, stream)];
  const lost = () => lines.counts.left("unwritable");
  if (options.directory !== undefined)
    outputs.push(...fileOutputs(options.directory, options.files ?? {}, { guard: sw.guard, clock: sw.clock, lost }));
  const shipping =
    options.elasticsearch &&
    elasticsearchTransport(options.elasticsearch, {
      guard: sw.guard,
      clock: sw.clock,
      dropped: (reason, count) => lines.counts.notShipped(reason, count),
    });
  const others = [...(shipping === undefined ? [] : [shipping]), ...(options.transports ?? [])];
  const transports = [...outputs.map((output) => output.transport), ...others];
  const logger = winston.createLogger({
    level,
    // Lines come here finished; this is where each transport finds their text.
    format: {
      transform(info) {
        info[MESSAGE] = JSON.stringify(info);
        return info;
      },
    },
    transports,
    // Without any output winston would complain about each line.
    silent: transports.length === 0,
    exitOnError: false,
  });
  logger.on("error", (error) => sw.guard.failed("logs", error));
  const backlogBytes = () => outputs.reduce((most, output) => Math.max(most, output.backlogBytes()), 0);
  replaceEntrances(logger, new Entrance(sw, lines, logger, backlogBytes));
  lines.onLeftOut((message, fields) => logger.warn(message, fields));
  sw.useLogger({ warn: (message, fields) => logger.warn(message, fields) });
  sw.stopping.step("logs", async () => {
    lines.summary();
    await Promise.all([shipping?.flush(FLUSH_MS), written(sw, backlogBytes)]);
  });
  return logger;
}

/** Resolves when console and files have all they were given, or after a while. */
async function written(sw: Storewatch, backlogBytes: () => number): Promise<void> {
  const untilMs = sw.clock.monotonicMs() + FLUSH_MS;
  // Also bounded in turns: a clock may stand still.
  for (let turn = 0; turn < FLUSH_MS / FLUSH_POLL_MS; turn += 1) {
    if (backlogBytes() === 0 || sw.clock.monotonicMs() >= untilMs) return;
    await new Promise((resolve) => setTimeout(resolve, FLUSH_POLL_MS));
  }
}
