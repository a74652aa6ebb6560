import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, FormatError } from "./bytes.ts";
import { decodeTimes, encodeTimes, TIME_MS_LIMIT } from "./times.ts";

function encode(times: readonly number[]): ByteWriter {
  const out = new ByteWriter(16);
  encodeTimes(Float64Array.from([-1, ...times]), 1, times.length, out);
  return out;
}

function decode(out: ByteWriter, n: number): number[] {
  const reader = new ByteReader(out.view());
  const times = new Float64Array(n + 2).fill(-7);
  decodeTimes(reader, n, times, 1);
  expect(reader.done).toBe(true);
  expect([times[0], times[n + 1]]).toEqual([-7, -7]);
  return [...times.subarray(1, n + 1)];
}

test("ascending times come back", () => {
  const steps = fc.array(fc.oneof(fc.constant(15_000), fc.integer({ min: 1, max: 40_000 }), fc.nat(2 ** 40)), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(fc.nat(2 ** 41), steps, (start, deltas) => {
      let time = start;
      const times = deltas.map((delta) => (time += Math.max(1, delta)));
      fc.pre(time < TIME_MS_LIMIT);
      expect(decode(encode(times), times.length)).toEqual(times);
    }),
  );
});

test("a regular column of any length is about a dozen bytes", () => {
  const times = Array.from({ length: 480 }, (_, i) => 1_700_000_000_000 + i * 15_000);
  expect(encode(times).length).toBeLessThan(14);
  expect(decode(encode(times), 480)).toEqual(times);
});

test("damaged times end in FormatError or in ascending times", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 50 }), (bytes, n) => {
      const out = new Float64Array(n + 2).fill(-7);
      try {
        decodeTimes(new ByteReader(Buffer.from(bytes)), n, out, 1);
        for (let i = 2; i <= n; i++) expect(out[i]).toBeGreaterThan(out[i - 1]);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
      expect([out[0], out[n + 1]]).toEqual([-7, -7]);
    }),
    { numRuns: 3000 },
  );
});
