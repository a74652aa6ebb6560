import { Labels, Matcher, type NativeHistogram, type SeriesExemplar } from "@storewatch/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, FormatError } from "../codec/bytes.ts";
import { Head } from "../head/head.ts";
import { putHistogramChunks, putHistograms, readHistogramChunks, readHistograms } from "./histogram-records.ts";
import { applyRemoval, putRemoval, putTombstone, readRemoval, readTombstone } from "./removal-records.ts";
import { putExemplars, putMetadata, readExemplars, readMetadata } from "./side-records.ts";

const TIME_MS = 1_700_000_000_000;
const series = Labels.from({ __name__: "a", tenant_id: "acme" });
const histogram: NativeHistogram = {
  schema: 2,
  count: 9,
  sum: 1.5,
  zeroThreshold: 0.001,
  zeroCount: 1,
  positiveSpans: [{ offset: -1, length: 2 }],
  positiveBuckets: [3, 5],
  negativeSpans: [],
  negativeBuckets: [],
  customValues: [],
  counterReset: "gauge",
};

function headWithSeries(): Head {
  const head = new Head(600_000);
  head.index.intern(series, () => {});
  return head;
}

const known = (id: number): number => {
  if (id !== 0) throw new FormatError(`series ${id} is not defined`);
  return 0;
};

interface Kind {
  readonly put: (out: ByteWriter) => void;
  readonly read: (payload: ByteReader, head: Head) => void;
}

const samples = [0, 1000, 2000].map((ms) => ({ labels: series, timeMs: TIME_MS + ms, value: 0, histogram }));
const items: SeriesExemplar[] = [1, 2].map((value) => ({
  series,
  exemplar: { labels: Labels.from({ trace_id: `t${value}` }), value, timeMs: TIME_MS + value },
}));
const tombstone = { ids: Uint32Array.of(0), fromMs: 0, blockToMs: TIME_MS, rowToMs: -1, blockLimit: 4 };
const removal = { tombstone, toMs: TIME_MS + 1, matchers: [new Matcher("=~", "tenant_id", "ac.*|b")], isErasure: true };

const KINDS: Readonly<Record<string, Kind>> = {
  histograms: {
    put: (out) => putHistograms(out, samples, [0, 1, 2], [0, 0, 0]),
    read: (payload, head) => readHistograms(payload, head, known),
  },
  histogramChunks: {
    put(out) {
      const head = headWithSeries();
      for (const { timeMs } of samples) head.histograms.append(0, timeMs, histogram);
      putHistogramChunks(out, head, [0]);
    },
    read: (payload, head) => readHistogramChunks(payload, head, known),
  },
  exemplars: {
    put: (out) => putExemplars(out, items),
    read: (payload, head) => readExemplars(payload, head.exemplars),
  },
  metadata: {
    put: (out) => putMetadata(out, [["a", { type: "gauge", help: "What it says.", unit: "bytes" }]]),
    read: (payload, head) => readMetadata(payload, head.metadata),
  },
  tombstone: {
    put: (out) => putTombstone(out, tombstone),
    read: (payload, head) => head.tombstones.add(readTombstone(payload, known)),
  },
  removal: {
    put: (out) => putRemoval(out, removal),
    read: (payload, head) => applyRemoval(head, readRemoval(payload, known)),
  },
};

function written(kind: Kind): Buffer {
  const out = new ByteWriter();
  kind.put(out);
  return Buffer.from(out.view());
}

test("records are read as they were written", () => {
  const head = headWithSeries();
  for (const kind of Object.values(KINDS)) {
    const payload = new ByteReader(written(kind));
    kind.read(payload, head);
    expect(payload.done).toBe(true);
  }
  // The removal came last, and took the first of two.
  expect(head.exemplars.size).toBe(1);
  expect(head.metadata.all.get("a")).toEqual({ type: "gauge", help: "What it says.", unit: "bytes" });
  expect(head.histograms.newestMs(0)).toBe(TIME_MS + 2000);
  expect(head.tombstones.list.map(({ blockLimit, blockToMs, rowToMs }) => [blockLimit, blockToMs, rowToMs])).toEqual([
    [4, TIME_MS, -1],
    [4, TIME_MS, -1],
  ]);
  expect(readRemoval(new ByteReader(written(KINDS.removal)), known)).toEqual(removal);
});

test("whatever bytes a record has, reading ends, and with nothing but a FormatError", () => {
  const bytes = fc.constantFrom(...Object.keys(KINDS)).chain((name) => {
    const good = written(KINDS[name]);
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const damaged = flips.map((list) => {
      const copy = Buffer.from(good);
      for (const [at, value] of list) copy[at] = value;
      return copy;
    });
    const any = fc.uint8Array({ maxLength: 60 }).map((data) => Buffer.from(data));
    return fc.tuple(fc.constant(name), fc.oneof(damaged, any));
  });
  fc.assert(
    fc.property(bytes, ([name, data]) => {
      try {
        KINDS[name].read(new ByteReader(data), headWithSeries());
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
    { numRuns: 5000 },
  );
});
