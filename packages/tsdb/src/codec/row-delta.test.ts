import { bitsOf, setStaleAt } from "@storewatch/model";
import { seededRandom } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { decodeRow, encodedSamples, encodeRow, rowBytesMax } from "./row-delta.ts";

/** The next state of a row: most cells idle or counting, some odd. */
function step(row: Float64Array, bits: Uint32Array, random: () => number): void {
  for (let i = 0; i < row.length; i++) {
    const pick = random();
    if (pick < 0.3) continue;
    if (pick < 0.6) row[i] += Math.floor(random() * 40) - 5;
    else if (pick < 0.7) row[i] += Math.floor(random() * 9000);
    else if (pick < 0.75) row[i] += Math.floor(random() * 3e6);
    else if (pick < 0.8) row[i] = random() * 100;
    else if (pick < 0.85) row[i] = random() < 0.5 ? 0 : -0;
    else if (pick < 0.9) setStaleAt(bits, i);
    else if (pick < 0.93) bits[2 * i] ^= 1 << Math.floor(random() * 32);
    else if (pick < 0.96) bits[2 * i + 1] ^= 1 << Math.floor(random() * 32);
    else row[i] = [Number.NaN, Infinity, -Infinity, 2 ** 53, 5e-324][Math.floor(random() * 5)];
  }
}

test("rows come back bit for bit from deltas against the row before", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const n = seed % 10 === 0 ? 300 : 1 + Math.floor(random() * 80);
    const before = new Float64Array(n);
    const now = new Float64Array(n);
    const copy = new Float64Array(n);
    const out = new Uint8Array(rowBytesMax(n) + 1);
    for (let round = 0; round < 12; round++) {
      before.set(now);
      bitsOf(before).set(bitsOf(now));
      step(now, bitsOf(now), random);
      out[rowBytesMax(n)] = 0x77;
      const end = encodeRow(now, bitsOf(now), 0, before, bitsOf(before), 0, n, out, 0);
      expect(out[rowBytesMax(n)]).toBe(0x77);
      expect(decodeRow(out, 0, end, copy, bitsOf(copy), 0, n)).toBe(true);
      expect(bitsOf(copy)).toEqual(bitsOf(now));
    }
  }
});

test("a row of markers after markers is one run and counts no sample", () => {
  const row = new Float64Array(10_000);
  for (let i = 0; i < row.length; i++) setStaleAt(bitsOf(row), i);
  const out = new Uint8Array(rowBytesMax(row.length));
  expect(encodeRow(row, bitsOf(row), 0, row, bitsOf(row), 0, row.length, out, 0)).toBe(4);
  expect(encodedSamples).toBe(0);
});

test("damaged rows never write outside and always end", () => {
  for (let seed = 1; seed <= 5000; seed++) {
    const random = seededRandom(seed);
    const n = 1 + Math.floor(random() * 40);
    const row = new Float64Array(n + 2).fill(7.25);
    const data = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
    decodeRow(data, 0, data.length, row, bitsOf(row), 1, n);
    expect([row[0], row[n + 1]]).toEqual([7.25, 7.25]);
  }
});
