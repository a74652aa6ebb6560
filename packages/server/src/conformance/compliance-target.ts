// What both servers scrape: one page with the history of a small demo, every sample with its own time, so that both
// have the same samples at the same times.
import { createServer, type Server } from "node:http";

/** Samples lie at these times and 10 s apart; queries look at times between them. */
export const SAMPLE_STEP_MS = 10_000;
const SAMPLES = 480;
const INSTANCES = ["demo.promlabs.com:10000", "demo.promlabs.com:10001", "demo.promlabs.com:10002"];
const BUCKETS = ["0.0001", "0.001", "0.01", "0.1", "1", "+Inf"];

/** The same numbers in every run. */
class Numbers {
  private state = 42;

  /** 0 ≤ x < 1. */
  next(): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.state / 2 ** 32;
  }
}

/** A counter that begins again now and then. */
class Counter {
  private value = 0;

  constructor(
    private readonly numbers: Numbers,
    private readonly perStep: number,
  ) {}

  next(): number {
    if (this.numbers.next() < 0.01) this.value = 0;
    this.value += this.numbers.next() * this.perStep;
    return this.value;
  }
}

type Series = readonly [name: string, labels: string, value: (step: number, timeMs: number) => number | undefined];

function instanceSeries(instance: string, numbers: Numbers): Series[] {
  const own = `instance="${instance}",job="demo"`;
  const series: Series[] = [];
  for (const type of ["used", "free", "buffers", "cached"]) {
    series.push(["demo_memory_usage_bytes", `${own},type="${type}"`, () => (numbers.next() - 0.2) * 5e8]);
  }
  for (const mode of ["user", "system", "idle"]) {
    const counter = new Counter(numbers, 10);
    series.push(["demo_cpu_usage_seconds_total", `${own},mode="${mode}"`, () => counter.next()]);
  }
  series.push(["demo_num_cpus", own, () => 4]);
  series.push(["demo_disk_usage_bytes", own, (step) => 1e10 + step * 123_456.789 + numbers.next() * 1e6]);
  let batchMs = 0;
  series.push([
    "demo_batch_last_success_timestamp_seconds",
    own,
    (_, timeMs) => {
      if (batchMs === 0 || numbers.next() < 0.2) batchMs = timeMs - Math.floor(numbers.next() * 5000);
      return batchMs / 1000;
    },
  ]);
  series.push(["demo_intermittent_metric", own, (step) => (Math.floor(step / 20) % 2 === 0 ? step : undefined)]);
  for (const path of ["/api/foo", "/api/bar"]) {
    const counts = BUCKETS.map(() => 0);
    BUCKETS.forEach((le, i) => {
      series.push([
        "demo_api_request_duration_seconds_bucket",
        `${own},le="${le}",method="GET",path="${path}"`,
        () => {
          const added = Math.floor(numbers.next() * 20);
          for (let j = i; j < counts.length; j++) counts[j] += added;
          return counts[i];
        },
      ]);
    });
  }
  return series;
}

/** `lastMs`: time of the last sample. */
function pageOf(lastMs: number): string {
  const numbers = new Numbers();
  const all = INSTANCES.flatMap((instance) => instanceSeries(instance, numbers));
  const lines: string[] = [];
  for (let step = 0; step < SAMPLES; step++) {
    const timeMs = lastMs - (SAMPLES - 1 - step) * SAMPLE_STEP_MS;
    for (const [name, labels, valueAt] of all) {
      const value = valueAt(step, timeMs);
      if (value !== undefined) lines.push(`${name}{${labels}} ${value} ${timeMs}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

export interface Target {
  readonly port: number;
  close(): void;
}

export function startTarget(lastMs: number): Promise<Target> {
  const page = pageOf(lastMs);
  const server: Server = createServer((_, reply) => {
    reply.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(page);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address !== "object" || !address) reject(new Error("no port"));
      else resolve({ port: address.port, close: () => server.close() });
    });
  });
}
