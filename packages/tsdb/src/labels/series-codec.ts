// Series definitions as they stand in the WAL, in checkpoints and in the block store: each string once.
//   strings: count, (length, UTF-8)*   series: count, (id, labels, (name, value: places in strings)*)*   all varints
import { type ByteReader, type ByteWriter, FormatError } from "../codec/bytes.ts";
import type { SeriesIndex } from "./series-index.ts";

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

/** `skip`: series whose labels need not be read. */
export function decodeSeries(
  input: ByteReader,
  visit: (id: number, pairs: readonly string[]) => void,
  skip: (id: number) => boolean = () => false,
): void {
  const strings: string[] = new Array(input.count());
  for (let i = 0; i < strings.length; i++) strings[i] = input.text();
  const series = input.count();
  const pairs: string[] = [];
  for (let i = 0; i < series; i++) {
    const id = input.varint();
    if (id >= 2 ** 32 - 1) throw new FormatError("series id out of range");
    const words = 2 * input.count(2);
    if (skip(id)) {
      for (let p = 0; p < words; p++) input.varint();
      continue;
    }
    pairs.length = words;
    for (let p = 0; p < pairs.length; p++) {
      const text = strings[input.varint()];
      if (text === undefined) throw new FormatError("label string out of range");
      pairs[p] = text;
    }
    visit(id, pairs);
  }
}
