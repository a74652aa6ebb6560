// Records of native histograms, written and read; docs/format/wal.md has the pictures.
import type { NativeHistogram, Sample } from "@storewatch/model";
import type { ByteReader, ByteWriter } from "../codec/bytes.ts";
import { putHistogram, readHistogram } from "../codec/histogram.ts";
import { decodeTimes, encodeTimes } from "../codec/times.ts";
import type { Head } from "../head/head.ts";
import { windowOf } from "../head/window.ts";

/** Places in `samples` of those that have a histogram, and their series. Each stands alone: its layout is with it. */
export function putHistograms(
  out: ByteWriter,
  samples: readonly Sample[],
  places: readonly number[],
  ids: ArrayLike<number>,
): void {
  out.varint(places.length);
  let lastId = 0;
  let lastTime = 0;
  for (let i = 0; i < places.length; i++) {
    const { timeMs, histogram } = samples[places[i]];
    const time = Math.trunc(timeMs);
    out.zigzag(ids[i] - lastId);
    out.zigzag(time - lastTime);
    putHistogram(out, histogram as NativeHistogram, undefined);
    lastId = ids[i];
    lastTime = time;
  }
}

/** `seriesId` tells which series an id of the log is. */
export function readHistograms(payload: ByteReader, head: Head, seriesId: (id: number) => number): void {
  let id = 0;
  let timeMs = 0;
  for (let left = payload.count(6); left > 0; left--) {
    id += payload.zigzag();
    timeMs += payload.zigzag();
    const histogram = readHistogram(payload, undefined);
    if (!head.accepts(timeMs)) continue;
    const series = seriesId(id);
    head.histograms.restore(series, timeMs, histogram);
    head.sawSample(series, timeMs);
  }
}

/** All histograms of these series. */
export function putHistogramChunks(out: ByteWriter, head: Head, ids: readonly number[]): void {
  out.varint(ids.length);
  for (const id of ids) {
    out.varint(id);
    let chunks = 0;
    head.histograms.forEachChunk(id, () => chunks++);
    out.varint(chunks);
    head.histograms.forEachChunk(id, ({ timesMs, column }) => {
      out.varint(timesMs.length);
      encodeTimes(Float64Array.from(timesMs), 0, timesMs.length, out);
      out.varint(column.length);
      out.bytes(column);
    });
  }
}

export function readHistogramChunks(payload: ByteReader, head: Head, seriesId: (id: number) => number): void {
  for (let series = payload.count(2); series > 0; series--) {
    const id = seriesId(payload.varint());
    for (let chunks = payload.count(4); chunks > 0; chunks--) {
      const times = new Float64Array(payload.count());
      decodeTimes(payload, times.length, times, 0);
      const column = Buffer.from(payload.bytes(payload.count()));
      // The window may have been sealed after this checkpoint.
      if (!head.accepts(times[0])) continue;
      head.histograms.restoreChunk(id, { window: windowOf(times[0]), timesMs: Array.from(times), column });
      head.sawSample(id, times[times.length - 1]);
    }
  }
}
