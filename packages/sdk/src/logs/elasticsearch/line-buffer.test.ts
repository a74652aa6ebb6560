import { expect, test } from "vitest";
import { type Entry, LineBuffer, rankOf } from "./line-buffer.ts";

function buffer(lines: number, bytes = 1_000_000) {
  const lost: number[] = [];
  const made = new LineBuffer({ lines, bytes }, (entry) => lost.push(entry.sequence));
  return { made, lost };
}

function entry(sequence: number, level = "info", bytes = 100): Entry {
  return { sequence, id: String(sequence), index: "i", json: "{}", bytes, rank: rankOf(level), refusals: 0 };
}

const ALL = { lines: 1000, bytes: 1_000_000 };
const sequences = (entries: readonly Entry[]) => entries.map(({ sequence }) => sequence);

test("lines come out as they went in, whatever their levels", () => {
  const { made } = buffer(100);
  for (const [at, level] of ["info", "error", "debug", "warn", "info"].entries()) made.push(entry(at, level));
  expect(sequences(made.take({ lines: 3, bytes: 1000 }, true))).toEqual([0, 1, 2]);
  expect(sequences(made.take(ALL, true))).toEqual([3, 4]);
});

test("full: the oldest of the most verbose level goes, errors last", () => {
  const { made, lost } = buffer(3);
  const levels = ["error", "debug", "info", "debug", "info", "error", "error", "info", "error"];
  for (const [at, level] of levels.entries()) made.push(entry(at, level));
  // 3 pushes out 1, and so on; the info line of 7 finds errors only and goes itself; then the oldest error.
  expect(lost).toEqual([1, 3, 2, 4, 7, 0]);
  expect(sequences(made.take(ALL, true))).toEqual([5, 6, 8]);
});

test("bytes are a bound too, and what is on its way counts", () => {
  const { made, lost } = buffer(100, 1000);
  for (let at = 0; at < 10; at += 1) made.push(entry(at));
  const batch = made.take({ lines: 6, bytes: 10_000 }, true);
  made.push(entry(10));
  expect(lost).toEqual([6]);
  expect(made.bytes).toBe(1000);
  made.done(batch);
  expect([made.lines, made.bytes]).toEqual([4, 400]);
});

test("what is given back comes out first and in order", () => {
  const { made } = buffer(100);
  for (let at = 0; at < 6; at += 1) made.push(entry(at, at % 2 ? "error" : "info"));
  const batch = made.take({ lines: 4, bytes: 1000 }, true);
  made.push(entry(6));
  made.giveBack(batch);
  expect(sequences(made.take(ALL, true))).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("put-off lines leave half of a batch to the others", () => {
  const { made } = buffer(100);
  for (let at = 0; at < 20; at += 1) made.push(entry(at));
  const batch = made.take({ lines: 10, bytes: 10_000 }, true);
  for (const each of batch) each.refusals = 1;
  made.giveBack(batch);
  expect(made.putOffLines).toBe(10);
  expect(sequences(made.take({ lines: 4, bytes: 10_000 }, false))).toEqual([10, 11, 12, 13]);
  expect(sequences(made.take({ lines: 4, bytes: 10_000 }, true))).toEqual([0, 1, 14, 15]);
  expect(made.putOffLines).toBe(8);
});

test("a line larger than a batch goes alone; one larger than the buffer is lost", () => {
  const { made, lost } = buffer(10, 5000);
  made.push(entry(0, "info", 4000));
  made.push(entry(1));
  expect(sequences(made.take({ lines: 5, bytes: 1000 }, true))).toEqual([0]);
  made.push(entry(2, "error", 6000));
  expect(lost).toEqual([1, 2]);
});

test("random use: counts agree with what is inside", () => {
  const { made, lost } = buffer(50, 4000);
  const levels = ["error", "warn", "info", "debug"];
  let seed = 3;
  const next = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  let pushed = 0;
  let through = 0;
  let flying: Entry[] = [];
  for (let round = 0; round < 20_000; round += 1) {
    const what = next(10);
    if (what < 7) made.push(entry(pushed++, levels[next(4)], 50 + next(200)));
    else if (flying.length === 0) flying = made.take({ lines: 10, bytes: 1500 }, next(2) === 0);
    else if (next(2) === 0) {
      made.done(flying);
      through += flying.length;
      flying = [];
    } else {
      for (const each of flying) each.refusals += next(2);
      made.giveBack(flying);
      flying = [];
    }
    expect(made.lines).toBe(pushed - lost.length - through);
    expect(made.lines <= 50 && made.bytes <= 4000).toBe(true);
  }
  made.giveBack(flying);
  const left: Entry[] = [];
  for (let more = made.take(ALL, true); more.length > 0; more = made.take(ALL, true)) left.push(...more);
  expect(left.length).toBe(made.lines);
  expect(left.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(made.bytes);
  expect(new Set(lost).size).toBe(lost.length);
});
