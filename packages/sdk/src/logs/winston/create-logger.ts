import winston from "winston";
import type TransportStream from "winston-transport";
import type { Storewatch } from "../../storewatch.ts";
import type { ElasticsearchOptions } from "../elasticsearch/options.ts";
import { elasticsearchTransport } from "../elasticsearch/transport.ts";
import { LineMaker, type LineOptions } from "../line-maker.ts";
import { type ConsoleStyle, consoleOutput, type Output } from "./console-output.ts";
import { type FileOptions, fileOutputs } from "./file-output.ts";

export interface LoggerOptions extends LineOptions {
  /** The most verbose level that is written. Default: `debug` in development, else `info`. */
  readonly level?: string;
  /** Default: `pretty` in development, else `json`; `false` for none. */
  readonly console?: ConsoleStyle;
  /** The console is stderr; for programs whose stdout is their result. */
  readonly stderr?: boolean;
  /** Folder of the daily files; none without it. */
  readonly directory?: string;
  readonly files?: FileOptions;
  /** Ships lines to the tenants' indices. */
  readonly elasticsearch?: ElasticsearchOptions;
  /** Further transports of winston. They get lines as they are after redaction. */
  readonly transports?: readonly TransportStream[];
}

/** Winston's levels by name, as methods of a logger. */
type LevelName = keyof typeof winston.config.npm.levels;
type LogArguments = [level: string | Record<string, unknown>, ...rest: unknown[]];

/** An output that has not got rid of so much is too slow: lines below a warning are left out for it. */
const BACKLOG_MAX_BYTES = 8 * 1024 * 1024;
/** Beyond this no line at all is taken until it is less. */
const BACKLOG_HARD_MAX_BYTES = 32 * 1024 * 1024;
const FLUSH_MS = 4000;
const IMPORTANT = new Set(["error", "warn"]);

/**
 * Winston as the platform wants it: JSON lines with the fields of the running request, without secrets, on console, daily
 * files and Elasticsearch. The SDK's own warnings go there too. Logging never throws and never waits.
 * @throws RangeError, TypeError for options that cannot be meant: at the start.
 */
export function createLogger(sw: Storewatch, options: LoggerOptions = {}): winston.Logger {
  const development = sw.environment === "development";
  const { level = development ? "debug" : "info", console: style = development ? "pretty" : "json" } = options;
  const lines = new LineMaker(sw, options);
  const outputs: Output[] = style === false ? [] : [consoleOutput(style, options.stderr ?? false)];
  if (options.directory !== undefined) outputs.push(...fileOutputs(options.directory, options.files ?? {}, sw.guard));
  const shipping =
    options.elasticsearch && elasticsearchTransport(options.elasticsearch, { guard: sw.guard, clock: sw.clock });
  const others = [...(shipping === undefined ? [] : [shipping]), ...(options.transports ?? [])];
  const transports = [...outputs.map((output) => output.transport), ...others];
  const { service, version, environment } = sw;
  const logger = winston.createLogger({
    level,
    format: winston.format.json(),
    defaultMeta: { service, version, environment },
    transports,
    // Without any output winston would complain about each line.
    silent: transports.length === 0,
    exitOnError: false,
  });
  logger.on("error", (error) => sw.guard.failed("logs", error));
  const backlog = () => outputs.reduce((most, output) => Math.max(most, output.backlogBytes()), logger.writableLength);
  replaceEntrances(logger, new Entrance(sw, lines, backlog));
  sw.useLogger(logger as never);
  sw.stopping.step("logs", async () => {
    await shipping?.flush(FLUSH_MS);
  });
  return logger;
}

/** What every line passes on its way in: level, sampling, backlog; then its fields are made. */
class Entrance {
  private readonly sw: Storewatch;
  private readonly lines: LineMaker;
  private readonly backlogBytes: () => number;

  constructor(sw: Storewatch, lines: LineMaker, backlogBytes: () => number) {
    this.sw = sw;
    this.lines = lines;
    this.backlogBytes = backlogBytes;
  }

  childFields(fields: unknown): object {
    const copy = this.lines.redacted(fields);
    return typeof copy === "object" && copy !== null ? copy : {};
  }

  line(logger: winston.Logger, level: string, given: readonly unknown[]): void {
    try {
      if (!logger.isLevelEnabled(level)) return;
      const admission = this.lines.admit(level);
      if (!admission.kept) return;
      const backlogBytes = this.backlogBytes();
      if (backlogBytes > (IMPORTANT.has(level) ? BACKLOG_HARD_MAX_BYTES : BACKLOG_MAX_BYTES)) {
        this.lines.counts.left("slow_output");
        return;
      }
      const [first, ...rest] = given;
      const { message, parts } = messageOf(first, rest);
      const fields = this.lines.fields(parts, admission);
      const { level: _level, message: innerMessage, timestamp: _timestamp, ...others } = fields;
      const text = this.lines.message(message ?? innerMessage ?? "");
      const timestamp = new Date(this.sw.clock.wallMs()).toISOString();
      logger.write({ timestamp, level, message: text, ...(logger.defaultMeta as object), ...others });
      this.lines.counts.written(level);
    } catch (error) {
      this.sw.guard.failed("logs", error);
    }
  }
}

/** `("text", fields)`, `(error)`, `("text", error)`, `({ message, … })`: the text, and where the fields come from. */
function messageOf(first: unknown, rest: readonly unknown[]): { message: unknown; parts: readonly unknown[] } {
  if (first instanceof Error) return { message: first.message || first.name, parts: [first, ...rest] };
  if (typeof first === "object" && first !== null) return { message: undefined, parts: [first, ...rest] };
  return { message: first, parts: rest };
}

/**
 * Winston's own methods write to what they are given and read its members without care: an object that throws would throw
 * into the shop. The methods are therefore this logger's own; a child logger inherits them and adds its fields.
 */
function replaceEntrances(logger: winston.Logger, entrance: Entrance): void {
  const methods = logger as unknown as Record<string, unknown>;
  for (const level of Object.keys(logger.levels) as LevelName[])
    methods[level] = function (this: winston.Logger | undefined, ...given: unknown[]) {
      entrance.line(this ?? logger, level as string, given);
      return this ?? logger;
    };
  methods.log = function (this: winston.Logger | undefined, ...[level, ...rest]: LogArguments) {
    const self = this ?? logger;
    if (typeof level === "string") entrance.line(self, level, rest);
    else if (typeof level === "object" && level !== null) entrance.line(self, String(level.level ?? "info"), [level]);
    return self;
  };
  const { child } = logger;
  // What a child adds to each line passes no entrance.
  methods.child = function (this: winston.Logger | undefined, fields: unknown) {
    return child.call(this ?? logger, entrance.childFields(fields));
  };
}
