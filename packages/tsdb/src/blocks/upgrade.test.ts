import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FakeClock } from "@storewatch/testkit";
import { open as openLmdb } from "lmdb";
import { expect, test } from "vitest";
import { dump, open, START_MS, temporaryDir } from "../testing.ts";

const BEFORE = JSON.parse(readFileSync(new URL("./testdata/format-1.json", import.meta.url), "utf8")) as {
  readonly tables: Record<string, readonly (readonly [string, string])[]>;
  readonly content: Record<string, string>;
};

/** A data folder as format 1 left it: recorded from the last build that wrote it. */
async function formatOne(dir: string): Promise<void> {
  await mkdir(join(dir, "blocks"));
  writeFileSync(join(dir, "version"), "storewatch-tsdb 1\n");
  const root = openLmdb<Buffer, Buffer>({ path: join(dir, "blocks"), encoding: "binary", keyEncoding: "binary" });
  for (const [name, entries] of Object.entries(BEFORE.tables)) {
    const table = root.openDB<Buffer, Buffer>({ name, encoding: "binary", keyEncoding: "binary" });
    for (const [key, value] of entries) await table.put(Buffer.from(key, "hex"), Buffer.from(value, "base64"));
  }
  await root.close();
}

test("a folder of format 1 is taken over at the first start, and only once", async () => {
  const dir = temporaryDir();
  await formatOne(dir);
  const clock = new FakeClock(START_MS + 4 * 3_600_000);
  for (let start = 0; start < 2; start++) {
    const { tsdb, problems } = await open(dir, { clock });
    expect(dump(tsdb)).toEqual(BEFORE.content);
    expect(tsdb.stats().blocks).toBe(4);
    expect(problems).toEqual([]);
    await tsdb.close();
    expect(readdirSync(join(dir, "blocks")).filter((name) => name.endsWith(".mdb"))).toEqual([]);
    expect(readFileSync(join(dir, "version"), "utf8")).toBe("storewatch-tsdb 2\n");
  }
});
