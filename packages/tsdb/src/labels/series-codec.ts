// Series definitions as they stand in the WAL, in checkpoints and in the block store: each string once.
//   strings: count, (length, UTF-8)*   series: count, (id, labels, (name, value: places in strings)*)*   all varints
import { type ByteReader, type ByteWriter, FormatError } from "../codec/bytes.ts";
import { type SeriesIndex, StringIds } from "./series-index.ts";

/** Series per record: bounds the string table and the work of one slice. */
export const SERIES_PER_RECORD = 4096;

export function encodeSeries(out: ByteWriter, index: SeriesIndex, ids: ArrayLike<number>): void {
  const places = new Map<string, number>();
  const strings: string[] = [];
  const refs: number[] = [];
  const place = (text: string) => {
    let at = places.get(text);
    if (at === undefined) {
      at = strings.length;
      places.set(text, at);
      strings.push(text);
    }
    return at;
  };
  for (let i = 0; i < ids.length; i++) {
    const countAt = refs.push(ids[i], 0) - 1;
    index.forEachLabel(ids[i], (nameId, ordinal) => {
      const table = index.names[nameId];
      refs.push(place(table.name), place(table.values[ordinal]));
      refs[countAt]++;
    });
  }
  out.varint(strings.length);
  for (const text of strings) out.text(text);
  out.varint(ids.length);
  for (const ref of refs) out.varint(ref);
}

interface SeriesVisitor {
  /** Series whose labels need not be read. */
  readonly skip: (id: number) => boolean;
  /** The index has the series under this id. */
  readonly defined: (id: number) => void;
  /** The id, or the labels, are taken otherwise. */
  readonly taken: (id: number, pairs: readonly string[]) => void;
}

/**
 * Defines the series of a batch in the index. The strings' ids are looked up once for each and not once for each series:
 * that halves the cost of a start.
 */
export function defineSeries(input: ByteReader, index: SeriesIndex, visitor: SeriesVisitor): void {
  const strings = new StringIds(Array.from({ length: input.count() }, () => input.text()));
  const series = input.count();
  index.expect(series);
  let places = new Uint32Array(64);
  for (let i = 0; i < series; i++) {
    const id = input.varint();
    if (id >= 2 ** 32 - 1) throw new FormatError("series id out of range");
    const words = 2 * input.count(2);
    if (words > places.length) places = new Uint32Array(words * 2);
    for (let p = 0; p < words; p++) {
      const place = input.varint();
      if (place >= strings.texts.length) throw new FormatError("label string out of range");
      places[p] = place;
    }
    if (visitor.skip(id)) continue;
    if (index.definePlaces(id, places, words, strings)) visitor.defined(id);
    else visitor.taken(id, textsAt(strings, places, words));
  }
}

function textsAt({ texts }: StringIds, places: Uint32Array, count: number): string[] {
  const found: string[] = [];
  for (let i = 0; i < count; i++) found.push(texts[places[i]]);
  return found;
}
