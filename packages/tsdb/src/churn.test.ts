import { expect, test } from "vitest";
import { dump, labels, open, START_MS, temporaryDir } from "./testing.ts";

test("a target whose series change all the time keeps columns for those it has, and loses no sample or marker", async () => {
  const dir = temporaryDir();
  const { tsdb, clock } = await open(dir);
  const writer = tsdb.openRows("t");
  const expected: Record<string, string[]> = {};
  const put = (name: string, text: string) => {
    expected[name] ??= [];
    expected[name].push(text);
  };
  let widest = 0;
  let before: string[] = [];
  for (let i = 0; i < 300; i++) {
    const names = ["steady", ...Array.from({ length: 20 }, (_, k) => `pod_${Math.floor(i / 3)}_${k}`)];
    writer.begin();
    for (const name of names) {
      const column = writer.column(labels(name));
      writer.row[writer.base + column] = i;
    }
    expect(writer.commit(START_MS + i * 15_000)).toBe(true);
    for (const name of before) if (!names.includes(name)) put(name, `${i * 15}:x`);
    for (const name of names) put(name, `${i * 15}:${i}`);
    before = names;
    widest = Math.max(widest, writer.columns);
    if (writer.columns > 3 * names.length) {
      const { sourceId } = writer;
      writer.compact();
      expect(writer.columns).toBe(names.length);
      expect(writer.labels(0).toString()).toBe("steady");
      expect(writer.sourceId).toBe(sourceId);
    }
    await clock.advance(15_000);
    if (i % 40 === 0) await tsdb.maintain();
  }
  expect(widest).toBeLessThan(100);
  const wanted = Object.fromEntries(Object.entries(expected).map(([name, parts]) => [name, parts.join(" ")]));
  expect(dump(tsdb)).toEqual(wanted);
  await tsdb.close();
  const again = await open(dir, { clock });
  expect(dump(again.tsdb)).toEqual(wanted);
  expect(again.problems).toEqual([]);
  expect(again.tsdb.openRows("t").columns).toBeLessThan(100);
});

test("compacting between begin and commit does nothing, and listeners know the source as before", async () => {
  const { tsdb } = await open(temporaryDir());
  const writer = tsdb.openRows("t");
  const heard: number[] = [];
  tsdb.onArrival(({ sourceId }) => heard.push(sourceId));
  writer.compact();
  writer.begin();
  writer.row[writer.base + writer.column(labels("a"))] = 1;
  writer.compact();
  expect(writer.epoch).toBe(0);
  writer.commit(START_MS);
  writer.compact();
  expect(writer.epoch).toBe(1);
  writer.begin();
  expect(writer.commit(START_MS + 1000)).toBe(true);
  expect(heard).toEqual([writer.sourceId, writer.sourceId]);
  expect(dump(tsdb)).toEqual({ a: "0:1 1:x" });
});
