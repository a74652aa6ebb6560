// What tests of loggers share: a service that says nothing by itself, and an output that keeps its lines.
import TransportStream from "winston-transport";
import { type Storewatch, type StorewatchOptions, storewatch } from "../index.ts";

export function testService(options: Partial<StorewatchOptions> = {}): Storewatch {
  return storewatch({
    service: "checkout",
    version: "1.2.3",
    environment: "production",
    metrics: { defaults: false },
    ...options,
  });
}

/** A transport that keeps what it is given: the text of each line. */
export class KeptLines extends TransportStream {
  readonly texts: string[] = [];

  override log(info: Record<PropertyKey, unknown>, next: () => void): void {
    this.texts.push(String(info[Symbol.for("message")]));
    next();
  }

  get lines(): Record<string, unknown>[] {
    return this.texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  }

  get last(): Record<string, unknown> {
    return this.lines.at(-1) ?? {};
  }
}

/** The value of one series of the service's metrics; 0 without it. */
export async function metricOf(sw: Storewatch, series: string): Promise<number> {
  const text = await sw.metrics.text();
  const row = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return Number(row?.slice(series.length + 1) ?? 0);
}
