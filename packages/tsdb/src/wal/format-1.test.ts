import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { dump, labels, open, START_MS, temporaryDir } from "../testing.ts";

const BEFORE = JSON.parse(readFileSync(new URL("./testdata/format-1-log.json", import.meta.url), "utf8")) as {
  readonly version: string;
  /** Name to base64: a checkpoint and a segment. */
  readonly files: Record<string, string>;
  readonly content: Record<string, string>;
};

test("a log of format 1, as its last build wrote it, is read, and what is appended goes on from it", async () => {
  const dir = temporaryDir();
  mkdirSync(join(dir, "wal"));
  writeFileSync(join(dir, "version"), BEFORE.version);
  for (const [name, text] of Object.entries(BEFORE.files)) {
    writeFileSync(join(dir, "wal", name), Buffer.from(text, "base64"));
  }
  const clock = new FakeClock(START_MS + 40 * 60_000);
  const { tsdb, problems } = await open(dir, { clock });
  expect(dump(tsdb)).toEqual(BEFORE.content);
  expect(problems).toEqual([]);
  await tsdb.append([{ labels: labels("pushed"), timeMs: clock.nowMs() + 1000, value: 5 }]);
  await clock.advance(2 * 3_600_000);
  await tsdb.maintain();
  await tsdb.close();
  const expected = { ...BEFORE.content, pushed: `${BEFORE.content.pushed} 2401:5` };
  expect(dump((await open(dir, { clock })).tsdb)).toEqual(expected);
  expect(readFileSync(join(dir, "version"), "utf8")).not.toBe(BEFORE.version);
});
