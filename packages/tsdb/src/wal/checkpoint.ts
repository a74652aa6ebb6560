// A checkpoint holds everything that is in memory, so that the segments before it can go. It is fuzzy: it is written in
// slices while records go on to the segment whose number it bears. Replay therefore takes each row and sample only
// once: rows not after the target's last one and samples at known times are passed over.
import { join } from "node:path";
import { ByteWriter } from "../codec/bytes.ts";
import { type Disk, writeFully } from "../disk/disk.ts";
import type { Head } from "../head/head.ts";
import { encodeSeries, SERIES_PER_RECORD } from "../labels/series-codec.ts";
import { putHistogramChunks } from "./histogram-records.ts";
import { putGenericSeries, putRowChunk, putTargetState } from "./payloads.ts";
import { KIND, putFileHeader, putRecord } from "./record.ts";
import { putTombstone } from "./removal-records.ts";
import { EXEMPLARS_PER_RECORD, FAMILIES_PER_RECORD, putExemplars, putMetadata } from "./side-records.ts";

const SLICE_BYTES = 2 ** 20;
const GENERIC_SERIES_PER_SLICE = 1024;
const HISTOGRAM_SERIES_PER_SLICE = 128;

export function checkpointName(segment: number): string {
  return `${String(segment).padStart(10, "0")}.checkpoint`;
}

export interface CheckpointOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly head: Head;
  /** Replay starts with this segment. */
  readonly segment: number;
  /** Lets other work run between slices. */
  readonly pause: () => Promise<void>;
}

/** Writes the checkpoint durably; returns its size in bytes. On an error the old one is still in place. */
export async function writeCheckpoint(options: CheckpointOptions): Promise<number> {
  const { disk, folder, segment } = options;
  const name = checkpointName(segment);
  const temporary = join(folder, `${name}.tmp`);
  const file = await disk.create(temporary);
  let position = 0;
  try {
    const out = new ByteWriter(SLICE_BYTES);
    putFileHeader(out, segment);
    for (const slice of slices(options.head)) {
      slice(out);
      await options.pause();
      if (out.length < SLICE_BYTES) continue;
      await writeFully(file, out.view(), position);
      position += out.length;
      out.clear();
    }
    await writeFully(file, out.view(), position);
    position += out.length;
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, join(folder, name));
  await disk.syncDir(folder);
  return position;
}

/**
 * The work in pieces; each reads a consistent part of the head when it is called. Series come last but one (a series
 * made meanwhile is then there too), the reader looks for them first.
 */
function* slices(head: Head): Iterable<(out: ByteWriter) => void> {
  for (const target of [...head.targets.values()]) {
    yield (out) => {
      if (!head.targets.has(target.sourceId)) return;
      putRecord(out, KIND.targetState, (o) => putTargetState(o, target));
      for (const chunk of target.chunks) putRecord(out, KIND.rowChunk, (o) => putRowChunk(o, target.sourceId, chunk));
      if (target.k === 0) return;
      const open = target.encodeOpenRows();
      putRecord(out, KIND.rowChunk, (o) => putRowChunk(o, target.sourceId, open));
    };
  }
  const generic = [...head.generic.seriesIds()];
  for (let at = 0; at < generic.length; at += GENERIC_SERIES_PER_SLICE) {
    const ids = generic.slice(at, at + GENERIC_SERIES_PER_SLICE);
    yield (out) =>
      putRecord(out, KIND.genericChunks, (o) => {
        o.varint(ids.length);
        for (const id of ids) putGenericSeries(o, head.generic, id);
      });
  }
  const withHistograms = [...head.histograms.seriesIds];
  for (let at = 0; at < withHistograms.length; at += HISTOGRAM_SERIES_PER_SLICE) {
    const ids = withHistograms.slice(at, at + HISTOGRAM_SERIES_PER_SLICE);
    yield (out) => putRecord(out, KIND.histogramChunks, (o) => putHistogramChunks(o, head, ids));
  }
  for (const one of head.tombstones.list) {
    yield (out) => putRecord(out, KIND.tombstone, (o) => putTombstone(o, one));
  }
  const exemplars = head.exemplars.items();
  for (let at = 0; at < exemplars.length; at += EXEMPLARS_PER_RECORD) {
    const items = exemplars.slice(at, at + EXEMPLARS_PER_RECORD);
    yield (out) => putRecord(out, KIND.exemplars, (o) => putExemplars(o, items));
  }
  const families = [...head.metadata.all];
  for (let at = 0; at < families.length; at += FAMILIES_PER_RECORD) {
    const entries = families.slice(at, at + FAMILIES_PER_RECORD);
    yield (out) => putRecord(out, KIND.metadata, (o) => putMetadata(o, entries));
  }
  const held: number[] = [];
  for (let id = 0; id < head.index.idLimit; id++) if (head.needsDefinition(id)) held.push(id);
  for (let at = 0; at < held.length; at += SERIES_PER_RECORD) {
    const ids = held.slice(at, at + SERIES_PER_RECORD);
    yield (out) => putRecord(out, KIND.series, (o) => encodeSeries(o, head.index, ids));
  }
  yield (out) => putRecord(out, KIND.end, (o) => o.varint(head.index.idLimit));
}
