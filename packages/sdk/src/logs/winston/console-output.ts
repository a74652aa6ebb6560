// What a line is written by, and the console: coloured text for people, JSON for machines.
import type { Writable } from "node:stream";
import winston from "winston";
import TransportStream from "winston-transport";

export type ConsoleStyle = "pretty" | "json" | false;

/** A transport, and the bytes that it has taken and not yet got rid of: these tell whether it keeps up. */
export interface Output {
  readonly transport: TransportStream;
  readonly backlogBytes: () => number;
}

const { format } = winston;
const MESSAGE = Symbol.for("message");

/** Coloured text for people in development, JSON lines otherwise. */
export function consoleOutput(style: "pretty" | "json", stream: Writable): Output {
  // Whoever reads the other end may go away (EPIPE): without a listener that would end the shop.
  if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore);
  const pretty = format.combine(format.colorize(), format.printf(prettyLine));
  const transport = new StreamTransport(stream, style === "pretty" ? { format: pretty } : {});
  // What is gone takes nothing any more, and keeps nothing either.
  return { transport, backlogBytes: () => (stream.destroyed ? 0 : stream.writableLength) };
}

/** Winston's own keeps each line until the event loop has turned, for an event that nobody hears. */
class StreamTransport extends TransportStream {
  private readonly stream: Writable;

  constructor(stream: Writable, options: TransportStream.TransportStreamOptions) {
    super(options);
    this.stream = stream;
  }

  override log(info: Record<PropertyKey, unknown>, next: () => void): void {
    if (!this.stream.destroyed) this.stream.write(`${String(info[MESSAGE])}\n`);
    next();
  }
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
