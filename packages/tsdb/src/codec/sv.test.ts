import { bitsOf } from "@storewatch/model";
import { seededRandom } from "@storewatch/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { columnBytesMax, decodeColumn, encodeColumn } from "./sv.ts";

const GUARD = 0xdeadbeef;

/** Encodes with surroundings that must stay untouched. */
function encode(bits: Uint32Array): Uint8Array {
  const values = new Float64Array(bits.buffer, bits.byteOffset, bits.length / 2);
  const n = values.length;
  const out = new Uint8Array(columnBytesMax(n) + 8).fill(0xaa);
  const end = encodeColumn(values, bits, 0, 1, n, out, 4);
  expect(end - 4).toBeLessThanOrEqual(columnBytesMax(n));
  expect([...out.subarray(0, 4), ...out.subarray(end, out.length)].every((byte) => byte === 0xaa)).toBe(true);
  return out.slice(4, end);
}

function decode(data: Uint8Array, n: number): { ok: boolean; bits: Uint32Array } {
  const out = new Float64Array(n + 4);
  const outBits = bitsOf(out).fill(GUARD);
  const ok = decodeColumn(data, 0, data.length, n, out, outBits, 2);
  for (const i of [0, 1, 2, 3, 2 * n + 4, 2 * n + 5, 2 * n + 6, 2 * n + 7]) expect(outBits[i]).toBe(GUARD);
  return { ok, bits: outBits.slice(4, 4 + 2 * n) };
}

function roundTrip(bits: Uint32Array): void {
  const data = encode(bits);
  const back = decode(data, bits.length / 2);
  expect(back.ok).toBe(true);
  expect(
    Buffer.compare(
      Buffer.from(back.bits.buffer, back.bits.byteOffset, back.bits.byteLength),
      Buffer.from(bits.buffer, bits.byteOffset, bits.byteLength),
    ),
  ).toBe(0);
  expect(Buffer.compare(encode(back.bits), data)).toBe(0);
}

const special = new Uint32Array([
  0, 0, 0, 0x80000000, 0, 0x7ff00000, 0, 0xfff00000, 2, 0x7ff00000, 1, 0x7ff80000, 0, 0x7ff80000, 1, 0, 1, 0x80000000,
  0xffffffff, 0x7fefffff, 0xffffffff, 0xffffffff,
]);

/** Columns as monitoring has them, and as it should never have them. */
function column(random: () => number, kind: number, n: number): Uint32Array {
  const values = new Float64Array(n);
  const bits = bitsOf(values);
  let v = Math.floor(random() * 1e6);
  for (let i = 0; i < n; i++) {
    const pick = random();
    if (kind === 0) v += random() < 0.3 ? 0 : Math.floor(random() * 300);
    else if (kind === 1) v = Math.round(random() * 2e4) / 2;
    else if (kind === 2) v = random() * 1000;
    else if (kind === 3) v = pick < 0.5 ? 0 : -0;
    else if (kind === 4) v = pick < 0.02 ? 0 : v + Math.floor((random() - 0.5) * 2 ** 29);
    else if (kind === 5) v = Math.round(random() * 1e7) / 1e6;
    else if (kind === 6) v = (random() - 0.5) * 10 ** Math.floor(random() * 600 - 300);
    values[i] = v;
    if (kind === 7 || (kind > 2 && pick > 0.8)) {
      const s = 2 * Math.floor(random() * (special.length / 2));
      bits[2 * i] = special[s];
      bits[2 * i + 1] = special[s + 1];
    }
    if (kind === 8) {
      bits[2 * i] = Math.floor(random() * 2 ** 32);
      bits[2 * i + 1] = Math.floor(random() * 2 ** 32);
    }
  }
  return bits;
}

test("columns of every kind come back bit for bit, within the size bound, and encode to the same bytes again", () => {
  for (let seed = 1; seed <= 4000; seed++) {
    const random = seededRandom(seed);
    const n = seed % 50 === 0 ? 1 + Math.floor(random() * 1000) : 1 + Math.floor(random() * 64);
    roundTrip(column(random, seed % 9, n));
  }
});

test("any 64-bit patterns come back", () => {
  const word = fc.oneof(fc.constantFrom(0, 1, 2, 0x7ff00000, 0x80000000, 0x7ff80000, 0x40590000), fc.nat(0xffffffff));
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 200 }), (pairs) => {
      roundTrip(new Uint32Array(pairs.flat()));
    }),
    { numRuns: 500 },
  );
});

test("runs longer than one op and the first value repeated", () => {
  for (const n of [1, 2, 256, 257, 258, 513, 1000]) {
    for (let s = 0; s < special.length; s += 2) {
      const bits = new Uint32Array(2 * n);
      for (let i = 0; i < n; i++) bits.set(special.subarray(s, s + 2), 2 * i);
      roundTrip(bits);
    }
  }
});

test("a strided column is read in place", () => {
  const values = Float64Array.from({ length: 40 }, (_, i) => i * 1.5);
  const out = new Uint8Array(columnBytesMax(10));
  const end = encodeColumn(values, bitsOf(values), 3, 4, 10, out, 0);
  const back = new Float64Array(10);
  expect(decodeColumn(out, 0, end, 10, back, bitsOf(back), 0)).toBe(true);
  expect([...back]).toEqual(Array.from({ length: 10 }, (_, i) => (3 + 4 * i) * 1.5));
});

test("a counter costs little more than a byte a sample", () => {
  const random = seededRandom(5);
  const bits = column(random, 0, 120);
  expect(encode(bits).length).toBeLessThan(120 * 2 + 9);
});

test("damaged input never writes outside, always ends, and is mostly noticed by length", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 300 }), fc.nat(8), (seed, n, kind) => {
      const random = seededRandom(seed);
      const data = encode(column(random, kind, n));
      data[Math.floor(random() * data.length)] ^= 1 + Math.floor(random() * 255);
      decode(data, n);
      decode(data.subarray(0, Math.floor(random() * data.length)), n);
      decode(
        data.map(() => Math.floor(random() * 256)),
        n,
      );
    }),
    { numRuns: 2000 },
  );
});

test("reserved ops and scales are refused", () => {
  const head = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (const bytes of [
    [7, ...head.slice(1), 2],
    [...head, 0xf3],
    [...head, 0xff, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    [...head, 0, 1],
    [255, ...head.slice(1), 2],
    [...head, 2, 2],
    head.slice(1),
  ]) {
    expect(decode(Uint8Array.from(bytes), 2).ok).toBe(false);
  }
});
