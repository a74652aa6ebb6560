// Timestamps of one column: the first as varint, then the first delta and deltas of deltas as zigzag varints; a run of
// zeros (a regular series) is one op. docs/format/column.md.
import { type ByteReader, type ByteWriter, FormatError } from "./bytes.ts";

/** Times must stay below it (year 37,648): then every delta of deltas is exact in a varint. */
export const TIME_MS_LIMIT = 2 ** 50;

/** Writes n >= 1 ascending times (integers, ms) that stand at times[start] … */
export function encodeTimes(times: Float64Array, start: number, n: number, out: ByteWriter): void {
  out.varint(times[start]);
  let delta = 0;
  let zeros = 0;
  for (let i = start + 1; i < start + n; i++) {
    const d = times[i] - times[i - 1];
    if (d === delta) {
      zeros++;
      continue;
    }
    putZeros(out, zeros);
    zeros = 0;
    out.zigzag(d - delta);
    delta = d;
  }
  putZeros(out, zeros);
}

function putZeros(out: ByteWriter, zeros: number): void {
  if (zeros === 0) return;
  out.u8(0);
  out.varint(zeros - 1);
}

/** Reads n times to out[at] …; throws FormatError on anything but n strictly ascending times. */
export function decodeTimes(input: ByteReader, n: number, out: Float64Array, at: number): void {
  if (n < 1 || at + n > out.length) throw new FormatError("bad count of times");
  let time = input.varint();
  if (time >= TIME_MS_LIMIT) throw new FormatError("time out of range");
  out[at] = time;
  let delta = 0;
  const end = at + n;
  for (let i = at + 1; i < end; ) {
    const change = input.zigzag();
    let stop = i + 1;
    if (change === 0) stop = i + input.varint() + 1;
    delta += change;
    if (stop > end || delta <= 0 || time + delta * (stop - i) >= TIME_MS_LIMIT) throw new FormatError("bad times");
    while (i < stop) {
      time += delta;
      out[i++] = time;
    }
  }
}
