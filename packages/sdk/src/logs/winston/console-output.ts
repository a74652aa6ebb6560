// What a line is written by, and the console: coloured text for people, JSON for machines.
import winston from "winston";
import type TransportStream from "winston-transport";

export type ConsoleStyle = "pretty" | "json" | false;

/** A transport, and the bytes that it has taken and not yet got rid of: these tell whether it keeps up. */
export interface Output {
  readonly transport: TransportStream;
  readonly backlogBytes: () => number;
}

const { format } = winston;

/** Coloured text for people in development, JSON lines otherwise. */
export function consoleOutput(style: "pretty" | "json", stderr: boolean): Output {
  const stream = stderr ? process.stderr : process.stdout;
  // Whoever reads the other end may go away (EPIPE): without a listener that would end the shop.
  if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore);
  const transport = new winston.transports.Stream({
    stream,
    ...(style === "pretty" ? { format: format.combine(format.colorize(), format.printf(prettyLine)) } : {}),
  });
  return { transport, backlogBytes: () => stream.writableLength };
}

function ignore(): void {
  // There is nowhere left to say it.
}

const ASIDE = new Set(["timestamp", "level", "message", "service", "version", "environment", "stack", "error"]);

/** `10:11:12.131 info  HTTP Response {"statusCode":200}`, and the stack of an error below it. */
function prettyLine(info: winston.Logform.TransformableInfo): string {
  const more = Object.entries(info).filter(([name]) => !ASIDE.has(name));
  const fields = more.length === 0 ? "" : ` ${JSON.stringify(Object.fromEntries(more))}`;
  const stack = typeof info.stack === "string" ? `\n${info.stack}` : "";
  return `${String(info.timestamp).slice(11, 23)} ${info.level} ${String(info.message)}${fields}${stack}`;
}
