// Records of what stands beside the samples: exemplars and metadata of metric families; docs/format/wal.md.
import { bitsOf, Labels, type SeriesExemplar } from "@storewatch/model";
import { type ByteReader, type ByteWriter, FormatError } from "../codec/bytes.ts";
import type { ExemplarRing } from "../exemplars.ts";
import type { FamilyMetadata, MetadataTable } from "../family-metadata.ts";

/** Exemplars per record: each string stands in it once. */
export const EXEMPLARS_PER_RECORD = 2048;
export const FAMILIES_PER_RECORD = 1024;

const one = new Float64Array(1);
const oneBits = bitsOf(one);

/** strings: count, text*   items: count, (series, labels: count, (name, value: places)*; time, 64 bits of the value)* */
export function putExemplars(out: ByteWriter, items: readonly SeriesExemplar[]): void {
  const places = new Map<string, number>();
  const place = (text: string) => {
    let at = places.get(text);
    if (at === undefined) {
      at = places.size;
      places.set(text, at);
    }
    return at;
  };
  const refs = items.map(({ series, exemplar }) => [series.pairs.map(place), exemplar.labels.pairs.map(place)]);
  out.varint(places.size);
  for (const text of places.keys()) out.text(text);
  out.varint(items.length);
  items.forEach(({ exemplar }, i) => {
    for (const list of refs[i]) {
      out.varint(list.length / 2);
      for (const ref of list) out.varint(ref);
    }
    out.varint(Math.trunc(exemplar.timeMs));
    one[0] = exemplar.value;
    out.bits64(oneBits[0], oneBits[1]);
  });
}

export function readExemplars(payload: ByteReader, ring: ExemplarRing): void {
  const strings: string[] = [];
  for (let left = payload.count(); left > 0; left--) strings.push(payload.text());
  const series = new Map<string, Labels>();
  const readLabels = () => {
    const pairs: string[] = [];
    for (let left = 2 * payload.count(2); left > 0; left--) {
      const text = strings[payload.varint()];
      if (text === undefined) throw new FormatError("label string out of range");
      pairs.push(text);
    }
    return Labels.fromSortedPairs(pairs);
  };
  for (let left = payload.count(11); left > 0; left--) {
    const labels = readLabels();
    const shared = series.get(labels.key) ?? labels;
    series.set(labels.key, shared);
    const own = readLabels();
    const timeMs = payload.varint();
    const value = payload.data.readDoubleLE(payload.skip(8));
    ring.append({ series: shared, exemplar: { labels: own, value, timeMs } });
  }
}

/** count, (family, type, help, unit)* */
export function putMetadata(out: ByteWriter, entries: readonly FamilyMetadata[]): void {
  out.varint(entries.length);
  for (const [family, { type, help, unit }] of entries) for (const text of [family, type, help, unit]) out.text(text);
}

export function readMetadata(payload: ByteReader, table: MetadataTable): void {
  for (let left = payload.count(4); left > 0; left--) {
    const family = payload.text();
    table.put(family, { type: payload.text(), help: payload.text(), unit: payload.text() });
  }
}
