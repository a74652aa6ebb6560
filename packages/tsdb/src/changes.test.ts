import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ChangeLog } from "./changes.ts";

const NOW = 1_700_000_000_000;
const DAY = 86_400_000;

test("a write is seen in its minute, by marks taken before it only", () => {
  const log = new ChangeLog(new FakeClock(NOW));
  log.note(NOW);
  const mark = log.mark();
  expect(log.firstSince(mark, NOW - DAY, NOW + DAY)).toBeUndefined();
  log.note(NOW + 10);
  expect(log.firstSince(mark, NOW, NOW + 1000)).toBe(NOW);
  expect(log.firstSince(mark, NOW + 120_000, NOW + DAY)).toBeUndefined();
  expect(log.firstSince(log.mark(), NOW, NOW + 1000)).toBeUndefined();
});

test("what is older than it keeps is told for all of that past", () => {
  const log = new ChangeLog(new FakeClock(NOW));
  const mark = log.mark();
  log.note(NOW - 300 * DAY);
  expect(log.firstSince(mark, NOW - 100 * DAY, NOW)).toBe(NOW - 100 * DAY);
  expect(log.firstSince(mark, NOW - DAY, NOW)).toBeUndefined();
});

test("a sample from the far future does not push the present away", () => {
  const clock = new FakeClock(NOW);
  const log = new ChangeLog(clock);
  const mark = log.mark();
  log.note(NOW + 1000 * DAY);
  expect(log.firstSince(mark, NOW - DAY, NOW)).toBeUndefined();
  expect(log.firstSince(mark, NOW, NOW + 2000 * DAY)).toBeDefined();
  const later = log.mark();
  log.note(NOW);
  expect(log.firstSince(later, NOW - DAY, NOW)).toBeDefined();
});

test("no change is ever missed (random writes, clocks and ranges)", () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("note" as const), at: fc.integer({ min: -8000, max: 300 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("note" as const), at: fc.integer({ min: -900_000, max: 900_000 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("range" as const), at: fc.integer({ min: -8000, max: 300 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("clock" as const), at: fc.integer({ min: 0, max: 2000 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("mark" as const), at: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: -9000, max: 300 }),
      fc.nat(9000),
      (steps, from, length) => {
        let nowMs = NOW;
        const log = new ChangeLog({ nowMs: () => nowMs });
        const marks = [log.mark()];
        const written: Array<{ fromMs: number; toMs: number; after: number }> = [];
        for (const { kind, at } of steps) {
          const timeMs = nowMs + at * 60_000 + 123;
          if (kind === "mark") marks.push(log.mark());
          else if (kind === "clock") nowMs += at * 60_000;
          else if (kind === "note") {
            log.note(timeMs);
            written.push({ fromMs: timeMs, toMs: timeMs, after: marks.length });
          } else {
            log.noteRange(timeMs, timeMs + 7_000_000);
            written.push({ fromMs: timeMs, toMs: timeMs + 7_000_000, after: marks.length });
          }
        }
        const fromMs = NOW + from * 60_000;
        const toMs = fromMs + length * 60_000;
        marks.forEach((mark, i) => {
          const first = log.firstSince(mark, fromMs, toMs);
          for (const write of written) {
            if (write.after <= i || write.toMs < fromMs || write.fromMs > toMs) continue;
            expect(first).toBeDefined();
            expect(first).toBeLessThanOrEqual(Math.max(fromMs, write.fromMs));
          }
        });
      },
    ),
    { numRuns: 500 },
  );
});
