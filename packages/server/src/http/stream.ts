// Server-sent events: which topics changed. One hub; a publisher needs to know nothing of the listeners.
import type { ServerResponse } from "node:http";
import type { Clock } from "@storewatch/model";
import { STREAM_TOPICS, type StreamTopic } from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import { Counter, Gauge } from "prom-client";
import { StorewatchError } from "../kernel/errors.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import { SECURITY_HEADERS } from "./browser-guard.ts";

/** At most one event for each topic in this time. */
const GAP_MS = 1000;
const HEARTBEAT_MS = 15_000;
/** Then the browser connects anew and shows its credential again, so that a revoked one ends. */
const LIFE_MS = 600_000;
/** A listener that does not read is dropped; it will connect anew. */
const UNREAD_BYTES_MAX = 64 * 1024;
const LISTENERS_MAX = 500;
const LISTENERS_OF_ONE_MAX = 50;

export interface StreamHub {
  publish(topic: StreamTopic): void;
  /** Takes over a response. Throws STREAMS_FULL. `name` is whose it is. */
  attach(response: ServerResponse, name: string, headers: Readonly<Record<string, string>>): void;
  close(): void;
}

interface Listener {
  readonly response: ServerResponse;
  readonly name: string;
  readonly untilMs: number;
}

export function createStreamHub(clock: Clock, metrics: SelfMetrics): StreamHub {
  return new Hub(clock, metrics);
}

class Hub implements StreamHub {
  private readonly listeners = new Set<Listener>();
  private readonly lastMs = new Map<StreamTopic, number>();
  private readonly waiting = new Set<StreamTopic>();
  private readonly dropped: Counter;
  private heartbeat: { cancel(): void } | undefined;
  private isClosed = false;

  constructor(
    private readonly clock: Clock,
    metrics: SelfMetrics,
  ) {
    const { listeners } = this;
    new Gauge({
      name: "storewatch_stream_listeners",
      help: "Open live connections.",
      registers: [metrics],
      collect() {
        this.set(listeners.size);
      },
    });
    this.dropped = new Counter({
      name: "storewatch_stream_listeners_dropped_total",
      help: "Live connections ended because the client did not read, or refused because there were too many.",
      registers: [metrics],
    });
  }

  publish(topic: StreamTopic): void {
    if (this.listeners.size === 0 || this.waiting.has(topic)) return;
    const nowMs = this.clock.monotonicMs();
    const waitMs = (this.lastMs.get(topic) ?? Number.NEGATIVE_INFINITY) + GAP_MS - nowMs;
    if (waitMs <= 0) {
      this.send(topic);
      return;
    }
    this.waiting.add(topic);
    this.clock.setTimer(waitMs, () => {
      this.waiting.delete(topic);
      this.send(topic);
    });
  }

  private send(topic: StreamTopic): void {
    this.lastMs.set(topic, this.clock.monotonicMs());
    this.write(`event: ${topic}\ndata: ${topic}\n\n`);
  }

  private write(text: string): void {
    for (const listener of this.listeners) {
      if (listener.response.writableLength > UNREAD_BYTES_MAX) {
        this.dropped.inc();
        this.listeners.delete(listener);
        listener.response.destroy();
      } else listener.response.write(text);
    }
  }

  attach(response: ServerResponse, name: string, headers: Readonly<Record<string, string>>): void {
    const ofOne = [...this.listeners].filter((listener) => listener.name === name).length;
    if (this.isClosed || this.listeners.size >= LISTENERS_MAX || ofOne >= LISTENERS_OF_ONE_MAX) {
      this.dropped.inc();
      throw new StorewatchError("STREAMS_FULL", {});
    }
    response.writeHead(200, {
      ...headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
    });
    response.write("retry: 2000\n\n");
    const listener: Listener = { response, name, untilMs: this.clock.monotonicMs() + LIFE_MS };
    this.listeners.add(listener);
    response.once("close", () => this.listeners.delete(listener));
    this.heartbeat ??= this.scheduleHeartbeat();
  }

  /** A comment keeps proxies from closing the connection. No timer runs while nobody listens. */
  private scheduleHeartbeat(): { cancel(): void } {
    return this.clock.setTimer(HEARTBEAT_MS, () => {
      const nowMs = this.clock.monotonicMs();
      for (const listener of this.listeners) if (listener.untilMs <= nowMs) this.end(listener);
      this.write(": still here\n\n");
      this.heartbeat = this.listeners.size > 0 ? this.scheduleHeartbeat() : undefined;
    });
  }

  private end(listener: Listener): void {
    this.listeners.delete(listener);
    listener.response.end();
  }

  close(): void {
    this.isClosed = true;
    this.heartbeat?.cancel();
    for (const listener of this.listeners) this.end(listener);
  }
}

/** GET /api/storewatch/v1/stream */
export function streamRoutes(hub: StreamHub): FastifyPluginAsync {
  return async (app) => {
    const summary = `Server-sent events named after what changed: ${STREAM_TOPICS.join(", ")}`;
    app.get(
      "/api/storewatch/v1/stream",
      { exposeHeadRoute: false, config: { access: "viewer" }, schema: { summary, tags: ["stream"] } },
      (request, reply) => {
        hub.attach(reply.raw, `${request.principal.via}:${request.principal.name}`, SECURITY_HEADERS);
        reply.hijack();
      },
    );
  };
}
