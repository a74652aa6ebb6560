// Pages of metric families as a target writes them in protobuf.
import { ProtoWriter } from "../protobuf/writer.ts";

type Fill = (out: ProtoWriter) => void;

/** Delimited messages. */
export function families(...fills: readonly Fill[]): Uint8Array {
  const parts = fills.map((fill) => {
    const message = new ProtoWriter();
    fill(message);
    const length = new ProtoWriter();
    length.varint(message.size);
    return Buffer.concat([length.finish(), message.finish()]);
  });
  return Buffer.concat(parts);
}

const label = (out: ProtoWriter, name: string, value: string) =>
  out.message(1, (pair) => pair.string(1, name).string(2, value));

export function family(name: string, type: number, ...metrics: readonly Fill[]): Fill {
  return (out) => {
    out.string(1, name).string(2, `Help of ${name}`).uint(3, type);
    for (const metric of metrics) out.message(4, metric);
  };
}

export const counter =
  (value: number, tenant: string, timeMs = 0): Fill =>
  (out) => {
    label(out, "tenant_id", tenant);
    out.message(3, (body) => {
      body.double(1, value);
      body.message(2, (exemplar) => {
        label(exemplar, "trace_id", "t");
        exemplar.double(2, 1).message(3, (time) => time.uint(1, 5).uint(2, 6_000_000));
      });
    });
    if (timeMs > 0) out.int(6, timeMs);
  };

interface HistogramShape {
  readonly count?: number;
  readonly deltas?: readonly number[];
  readonly classic?: boolean;
  readonly exemplar?: boolean;
}

export const histogram =
  ({ count = 7, deltas = [2, 1, -1], classic = true, exemplar = true }: HistogramShape = {}): Fill =>
  (out) => {
    label(out, "path", "/");
    out.message(7, (body) => {
      body.uint(1, count).double(2, 12.5);
      if (classic) {
        body.message(3, (bucket) => bucket.uint(1, 3).double(2, 0.5));
        body.message(3, (bucket) => bucket.uint(1, count).double(2, 2));
      }
      if (deltas.length === 0) return;
      body.uint(5, 2 * 3).double(6, 0.001);
      body.message(12, (span) => {
        span.uint(1, 2 * 4);
        span.uint(2, deltas.length);
      });
      body.message(13, (packed) => {
        for (const delta of deltas) packed.zigzag(delta);
      });
      if (exemplar) {
        body.message(16, (one) => {
          label(one, "trace_id", "n");
          one.double(2, 0.75).message(3, (time) => time.uint(1, 9));
        });
      }
    });
  };
