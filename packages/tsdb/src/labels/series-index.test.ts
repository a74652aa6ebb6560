import { Labels, Matcher, matchesAll } from "@storewatch/model";
import { seededRandom } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { SeriesMatcher } from "./matching.ts";
import { Bitmap, intersect, PostingList, unionDisjoint } from "./postings.ts";
import { SeriesIndex } from "./series-index.ts";

const NAMES = ["__name__", "job", "method", "path", "tenant_id", "zone"];
const VALUES = ["a", "b", "c", "GET", "POST", "x1", "x2", "x10", "é", "long value", "200", "500"];

function randomLabels(random: () => number): Labels {
  const pairs: [string, string][] = [["unique", String(Math.floor(random() * 500))]];
  for (const name of NAMES) if (random() < 0.7) pairs.push([name, VALUES[Math.floor(random() * VALUES.length)]]);
  return Labels.fromEntries(pairs);
}

function randomMatcher(random: () => number): Matcher {
  const name = random() < 0.95 ? [...NAMES, "unique"][Math.floor(random() * 7)] : "nowhere";
  const value = random() < 0.85 ? VALUES[Math.floor(random() * VALUES.length)] : "";
  const patterns = [
    "",
    "a|b",
    "a|",
    "x.+",
    "x1",
    ".*",
    ".+",
    "[a-c]",
    "(GET|POST)",
    "2.*",
    "nothing",
    "x[0-9]*|",
    "1.?",
  ];
  const pattern = patterns[Math.floor(random() * patterns.length)];
  const kind = Math.floor(random() * 4);
  if (kind < 2) return new Matcher(kind === 0 ? "=" : "!=", name, value);
  return new Matcher(kind === 2 ? "=~" : "!~", name, pattern);
}

test("the index finds what asking each series finds, while series come and go", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed);
    const index = new SeriesIndex();
    const matcher = new SeriesMatcher(index);
    const known = new Map<number, Labels>();
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 150; i++) {
        const labels = randomLabels(random);
        const id = index.intern(labels, () => {});
        expect(known.get(id) ?? labels).toEqual(labels);
        known.set(id, labels);
      }
      const gone = [...known.keys()].filter(() => random() < 0.3);
      if (round % 2 === 1) {
        index.remove(gone);
        for (const id of gone) known.delete(id);
        index.release(gone);
      }
      expect(index.seriesCount).toBe(known.size);
      for (let q = 0; q < 60; q++) {
        const matchers = Array.from({ length: Math.floor(random() * 4) }, () => randomMatcher(random));
        const expected = [...known.keys()].filter((id) => matchesAll(matchers, known.get(id)!)).sort((a, b) => a - b);
        expect([...matcher.match(matchers)], matchers.join(" ")).toEqual(expected);
      }
      for (const [id, labels] of known) {
        expect(index.find(labels)).toBe(id);
        expect(index.labels(id).equals(labels)).toBe(true);
      }
    }
    index.remove([...known.keys()]);
    expect(index.labelPairs).toBe(0);
  }
});

test("what match returns is not changed by later series", () => {
  const index = new SeriesIndex();
  const matcher = new SeriesMatcher(index);
  const make = (i: number) => index.intern(Labels.from({ job: "a", i: String(i) }), () => {});
  for (let i = 0; i < 5; i++) make(i);
  for (const m of [new Matcher("=", "job", "a"), new Matcher("=~", "job", "a|z"), new Matcher("=~", "job", ".+")]) {
    const ids = matcher.match([m]);
    const before = [...ids];
    for (let i = 5; i < 40; i++) make(i);
    expect([...ids]).toEqual(before);
    matcher.match([m, new Matcher("!=", "i", "1")]);
    expect([...ids]).toEqual(before);
  }
});

test("a value that comes later is asked of a cached expression too", () => {
  const index = new SeriesIndex();
  const matcher = new SeriesMatcher(index);
  const expression = new Matcher("=~", "pod", "web-.*");
  index.intern(Labels.from({ pod: "web-1" }), () => {});
  expect(matcher.match([expression]).length).toBe(1);
  index.intern(Labels.from({ pod: "web-2" }), () => {});
  expect(matcher.match([expression]).length).toBe(2);
});

test("intersections and unions of sorted ids of any density", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const limit = 1 + Math.floor(random() * 3000);
    const make = (share: number) => Uint32Array.from({ length: limit }, (_, i) => i).filter(() => random() < share);
    const a = make(random() ** 4);
    const b = make(random());
    expect([...intersect(a, b)]).toEqual([...a].filter((id) => b.includes(id)));
    const lists = [0, 1, 2].map((part) => {
      const list = new PostingList();
      for (const id of a) if (id % 3 === part) list.push(id);
      return list;
    });
    expect([...unionDisjoint(lists, limit)]).toEqual([...a]);
    const bitmap = new Bitmap(limit);
    for (const id of a) bitmap.add(id);
    expect(b.filter((id) => bitmap.has(id)).length).toBe(intersect(a, b).length);
  }
});
