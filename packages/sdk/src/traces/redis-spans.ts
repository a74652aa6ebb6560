// Redis commands as spans, from the channels that the clients publish on by themselves: nothing of theirs is patched.
import { tracingChannel } from "node:diagnostics_channel";
import type { Span } from "@opentelemetry/api";

type Api = typeof import("@opentelemetry/api");

interface Command {
  readonly command?: unknown;
  readonly serverAddress?: unknown;
  readonly serverPort?: unknown;
  readonly error?: unknown;
}

/** ioredis and node-redis; the command's name alone, for keys and values are customers' sessions and carts. */
const CHANNELS = ["ioredis:command", "node-redis:command"];

/** Watches commands that run within a span; what a client does on its own account is not told. */
export function traceRedis(api: Api): void {
  const tracer = api.trace.getTracer("@storewatch/sdk");
  const running = new WeakMap<object, Span>();
  const start = (message: unknown) => {
    const { command, serverAddress, serverPort } = message as Command;
    if (api.trace.getActiveSpan() === undefined) return;
    const name = String(command).toLowerCase().slice(0, 32);
    const attributes = {
      "db.system.name": "redis",
      "db.operation.name": name,
      ...(typeof serverAddress === "string" && { "server.address": serverAddress }),
      ...(typeof serverPort === "number" && { "server.port": serverPort }),
    };
    running.set(message as object, tracer.startSpan(name, { kind: api.SpanKind.CLIENT, attributes }));
  };
  const end = (message: unknown) => {
    running.get(message as object)?.end();
    running.delete(message as object);
  };
  const error = (message: unknown) => {
    const span = running.get(message as object);
    const { error: cause } = message as Command;
    span?.setStatus({ code: api.SpanStatusCode.ERROR });
    span?.setAttribute("error.type", cause instanceof Error ? cause.name : "error");
  };
  const nothing = () => undefined;
  for (const name of CHANNELS) {
    tracingChannel(name).subscribe({ start, asyncEnd: end, error, end: nothing, asyncStart: nothing });
  }
}
