// What every line passes on its way into winston: level, sampling, backlog; then its fields are made, once for all outputs.
import type winston from "winston";
import type { Storewatch } from "../../storewatch.ts";
import type { LineFields } from "../line-fields.ts";
import type { Admission } from "../line-gate.ts";
import type { LineMaker } from "../line-maker.ts";
import { withinSize } from "../line-size.ts";
import { messageOf } from "./arguments.ts";

/** An output that has not got rid of so much is too slow: lines below a warning are left out for it. */
const BACKLOG_MAX_BYTES = 8 * 1024 * 1024;
/** Beyond this no line at all is taken until it is less. */
const BACKLOG_HARD_MAX_BYTES = 32 * 1024 * 1024;
/** The same in lines, for further transports: winston keeps lines for the slowest of them. */
const WAITING_MAX_LINES = 1000;
const WAITING_HARD_MAX_LINES = 10_000;
const IMPORTANT = new Set(["error", "warn"]);

/** These are the line's own. */
const RESERVED = new Set(["timestamp", "level", "message"]);
const LEVEL: unique symbol = Symbol.for("level") as never;
/** On a line between a logger (or its child, which adds fields) and the stream behind them. */
const GIVEN = Symbol("storewatch.given");

interface Given {
  readonly message: unknown;
  readonly parts: readonly unknown[];
}
type Kept = Admission & { kept: true };
type Info = LineFields & { [GIVEN]?: Given };

export class Entrance {
  private readonly sw: Storewatch;
  private readonly lines: LineMaker;
  private readonly logger: winston.Logger;
  private readonly backlogBytes: () => number;
  private readonly pass: (line: object) => unknown;

  constructor(sw: Storewatch, lines: LineMaker, logger: winston.Logger, backlogBytes: () => number) {
    this.sw = sw;
    this.lines = lines;
    this.logger = logger;
    this.backlogBytes = backlogBytes;
    this.pass = logger.write.bind(logger) as (line: object) => unknown;
  }

  childFields(fields: unknown): object {
    const copy = this.lines.redacted(fields);
    return typeof copy === "object" && copy !== null ? copy : {};
  }

  /** A call of a logging method. `logger`: the one that was called, this or a child of it. */
  call(logger: winston.Logger, level: string, given: readonly unknown[]): void {
    try {
      if (!this.logger.isLevelEnabled(level)) return;
      logger.write({ level, message: "", [GIVEN]: messageOf(given, (value) => this.lines.redacted(value)) } as never);
    } catch (error) {
      this.sw.guard.failed("logs", error);
    }
  }

  /** What reaches the stream: from the methods, from children, and from who writes to it as to any stream. */
  write(info: Info): void {
    try {
      const level = typeof info.level === "string" ? info.level : "info";
      const given = info[GIVEN];
      if (given === undefined && !this.logger.isLevelEnabled(level)) return;
      const admission = this.lines.admit(level);
      if (!admission.kept) return;
      if (this.isBehind(level)) {
        this.lines.counts.left("slow_output");
        return;
      }
      this.pass(given === undefined ? this.foreign(level, info, admission) : this.line(level, info, given, admission));
      this.lines.counts.written(level);
    } catch (error) {
      this.sw.guard.failed("logs", error);
    }
  }

  private isBehind(level: string): boolean {
    const important = IMPORTANT.has(level);
    const waiting = this.logger.writableLength;
    if (waiting > (important ? WAITING_HARD_MAX_LINES : WAITING_MAX_LINES)) return true;
    return this.backlogBytes() > (important ? BACKLOG_HARD_MAX_BYTES : BACKLOG_MAX_BYTES);
  }

  /** Beside the call's own fields, `info` holds those of child loggers. */
  private line(level: string, info: Info, given: Given, admission: Kept): object {
    let added: LineFields | undefined;
    for (const name in info) {
      if (name === "level" || name === "message") continue;
      added ??= {};
      added[name] = info[name];
    }
    const parts = added === undefined ? given.parts : [added, ...given.parts];
    return this.finished(level, given.message, this.lines.fields(parts, admission));
  }

  private foreign(level: string, info: Info, admission: Kept): object {
    const { level: _level, message, ...rest } = info;
    return this.finished(level, message, this.lines.fields([rest], admission));
  }

  private finished(level: string, message: unknown, fields: LineFields): object {
    const { message: more } = fields;
    const line: LineFields = {
      timestamp: new Date(this.sw.clock.wallMs()).toISOString(),
      level,
      message: this.lines.message(message === undefined ? (more ?? "") : message),
      service: this.sw.service,
      version: this.sw.version,
      environment: this.sw.environment,
    };
    for (const name in fields) if (!RESERVED.has(name)) line[name] = fields[name];
    // As winston does with a field of that name.
    if (message !== undefined && more !== undefined) line.message = `${line.message} ${this.lines.message(more)}`;
    // Winston's transports keep lines with this mark for themselves.
    if (line.exception === true) line.exception = "true";
    const bounded = withinSize(line) as LineFields & { [LEVEL]?: string };
    bounded[LEVEL] = level;
    return bounded;
  }
}

type LogArguments = [level: string | Record<string, unknown>, ...rest: unknown[]];

/**
 * Winston's own methods write to what they are given and read its members without care: an object that throws would throw
 * into the shop. The methods are therefore this logger's own; a child logger inherits them and adds its fields.
 */
export function replaceEntrances(logger: winston.Logger, entrance: Entrance): void {
  const methods = logger as unknown as Record<string, unknown>;
  for (const level of Object.keys(logger.levels))
    methods[level] = function (this: winston.Logger | undefined, ...given: unknown[]) {
      entrance.call(this ?? logger, level, given);
      return this ?? logger;
    };
  methods.log = function (this: winston.Logger | undefined, ...[level, ...rest]: LogArguments) {
    const self = this ?? logger;
    if (typeof level === "string") entrance.call(self, level, rest);
    else if (typeof level === "object" && level !== null) entrance.call(self, levelOf(level), [level]);
    return self;
  };
  methods.write = (info: Info) => {
    if (typeof info === "object" && info !== null) entrance.write(info);
    return true;
  };
  const { child } = logger;
  methods.child = function (this: winston.Logger | undefined, fields: unknown) {
    return child.call(this ?? logger, entrance.childFields(fields));
  };
}

function levelOf(entry: Record<string, unknown>): string {
  try {
    return typeof entry.level === "string" ? entry.level : "info";
  } catch {
    return "info";
  }
}
