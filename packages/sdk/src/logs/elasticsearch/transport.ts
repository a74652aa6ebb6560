// Elasticsearch as a transport of winston: each tenant's lines in the tenant's index, and never at the shop's cost.
import TransportStream from "winston-transport";
import type { Clock } from "../../clock.ts";
import type { Guard } from "../../guard.ts";
import { shippedLine } from "./document.ts";
import { IndexNames, isIndexName } from "./index-name.ts";
import { type ElasticsearchOptions, setting, targetOf } from "./options.ts";
import { httpSender, type Sender } from "./send.ts";
import { type DropReason, Shipper, type ShippingStats } from "./shipper.ts";

export interface ElasticsearchParts {
  readonly guard: Guard;
  readonly clock: Clock;
  /** Told of lines that were lost, by reason: for a metric. */
  readonly dropped?: (reason: DropReason, lines: number) => void;
  /** What sends; for tests. Default: HTTP(S) to `options.node`. */
  readonly sender?: Sender;
  /** Jitter of pauses, from 0 to 1; for tests. */
  readonly random?: () => number;
}

/** Time that the end of the logger waits for the last lines. */
const END_FLUSH_MS = 5000;

/**
 * A transport that collects lines and sends them in the background. Logging returns at once whatever the server does; while
 * it is away, lines are kept within `maxBufferLines` and `maxBufferBytes`.
 * @throws TypeError, RangeError for options that cannot be meant: at the start, never while logging.
 */
export function elasticsearchTransport(
  options: ElasticsearchOptions,
  parts: ElasticsearchParts,
): ElasticsearchTransport {
  return new ElasticsearchTransport(options, parts);
}

export class ElasticsearchTransport extends TransportStream {
  private readonly guard: Guard;
  private readonly clock: Clock;
  private readonly indexOption: ElasticsearchOptions["index"];
  private readonly names = new IndexNames();
  private readonly shipper: Shipper;

  constructor(options: ElasticsearchOptions, parts: ElasticsearchParts) {
    super(options.level === undefined ? {} : { level: options.level });
    const target = targetOf(options);
    const requestTimeoutMs = setting("requestTimeoutMs", options.requestTimeoutMs, 10_000);
    this.guard = parts.guard;
    this.clock = parts.clock;
    this.indexOption = options.index;
    this.shipper = new Shipper(
      {
        flushIntervalMs: setting("flushIntervalMs", options.flushIntervalMs, 2000),
        buffer: {
          lines: setting("maxBufferLines", options.maxBufferLines, 10_000),
          bytes: setting("maxBufferBytes", options.maxBufferBytes, 16 * 1024 * 1024, 1024 * 1024),
        },
      },
      {
        clock: parts.clock,
        sender: parts.sender ?? httpSender(target, options, requestTimeoutMs),
        warn: (problem) => this.guard.failed("logs", new Error(`${problem} (${target.shown})`)),
        ...(parts.dropped === undefined ? {} : { dropped: parts.dropped }),
        random: parts.random ?? Math.random,
      },
    );
  }

  override log(info: Readonly<Record<PropertyKey, unknown>>, next: () => void): void {
    this.guard.run("logs", () => this.add(info), undefined);
    // At once: a line that waits for the server would make the shop wait for it.
    next();
  }

  /** Sends what waits; resolves when all has arrived or after `timeoutMs`. Never rejects. */
  flush(timeoutMs: number): Promise<void> {
    return this.shipper.flush(timeoutMs);
  }

  /** What arrived, what waits, what was lost. */
  stats(): ShippingStats {
    return this.shipper.stats();
  }

  /** winston calls it when the transport is removed or the logger closed. */
  override close(): void {
    void this.flush(END_FLUSH_MS).then(() => this.shipper.close());
  }

  /** `logger.end()` waits for it. */
  override _final(done: (error?: Error | null) => void): void {
    void this.flush(END_FLUSH_MS).then(() => {
      this.shipper.close();
      done();
    });
  }

  private add(info: Readonly<Record<PropertyKey, unknown>>): void {
    const { document, json, level, wallMs } = shippedLine(info, this.clock.wallMs());
    this.shipper.add({ json, level, index: this.indexOf(document, wallMs) });
    this.emit("logged", info);
  }

  private indexOf(document: Readonly<Record<string, unknown>>, wallMs: number): string {
    const { indexOption } = this;
    if (indexOption !== undefined) {
      const name = this.guard.run("logs", () => indexOption(document, new Date(wallMs)), undefined);
      if (isIndexName(name)) return name;
    }
    return this.names.of(document.tenantId, wallMs);
  }
}
