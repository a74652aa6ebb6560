import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../kernel/logger.ts";
import { createStateFile, type StateFile, StateFileTooNew } from "./state-file.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "storewatch-state-"));
  file = path.join(folder, "deep/alerts.state");
});
afterEach(async () => {
  for (const state of opened.splice(0)) await state.close();
  await rm(folder, { recursive: true, force: true });
});

const opened: StateFile[] = [];

async function reopened() {
  const state = createStateFile(file, silentLogger);
  opened.push(state);
  const records = await state.load();
  return { state, records };
}

describe("the state file", () => {
  it("gives back the last value of each key, without closing it properly", async () => {
    const { state } = await reopened();
    await state.save([
      { table: "t", key: "a", value: 1 },
      { table: "t", key: "b", value: { x: "é\n" } },
    ]);
    await Promise.all([
      state.save([{ table: "t", key: "a", value: 2 }]),
      state.save([{ table: "t", key: "b", value: undefined }]),
      state.save([{ table: "u", key: "a", value: null }]),
    ]);
    const { records } = await reopened();
    expect(records).toEqual([
      { table: "t", key: "a", value: 2 },
      { table: "u", key: "a", value: null },
    ]);
  });

  it("loses only the torn line after a crash, at every length of it", async () => {
    const first = await reopened();
    await first.state.save([{ table: "t", key: "a", value: "kept" }]);
    await first.state.save([{ table: "t", key: "b", value: "torn?" }]);
    await first.state.close();
    const whole = await readFile(file);
    const lastLine = whole.subarray(0, -1).lastIndexOf(10) + 1;
    for (let end = lastLine; end <= whole.length; end++) {
      await writeFile(file, whole.subarray(0, end));
      const { records, state } = await reopened();
      expect(records[0]).toEqual({ table: "t", key: "a", value: "kept" });
      expect(records.length).toBe(end >= whole.length - 1 ? 2 : 1);
      await state.save([{ table: "t", key: "c", value: 3 }]);
      await state.close();
      const next = await reopened();
      expect(next.records.at(-1)).toEqual({ table: "t", key: "c", value: 3 });
      await next.state.close();
    }
  });

  it("leaves out damaged lines and keeps the rest", async () => {
    const first = await reopened();
    await first.state.save([{ table: "t", key: "a", value: "x" }]);
    await first.state.close();
    await writeFile(file, (await readFile(file, "utf8")).replace('"x"', '"y"'));
    await appendFile(file, "garbage\n");
    expect((await reopened()).records).toEqual([]);
  });

  it("refuses a file of a newer version and does not touch it", async () => {
    await reopened().then(({ state }) => state.close());
    await writeFile(file, "storewatch-alert-state 2\nfuture\n");
    await expect(reopened()).rejects.toThrow(StateFileTooNew);
    expect(await readFile(file, "utf8")).toContain("future");
  });

  it("starts anew from a damaged file, with the lines that can be read, and keeps the damaged one", async () => {
    const { state } = await reopened();
    await state.save([{ table: "t", key: "a", value: "kept" }]);
    await state.close();
    const text = await readFile(file, "utf8");
    await writeFile(file, `\u0000\u0001damaged${text.slice(text.indexOf("\n"))}`);
    expect((await reopened()).records).toEqual([{ table: "t", key: "a", value: "kept" }]);
    expect(await readFile(`${file}.damaged`, "utf8")).toContain("damaged");
    await writeFile(file, Buffer.from([1, 2, 3, 255, 10, 0]));
    expect((await reopened()).records).toEqual([]);
  });

  it("does not grow without end", async () => {
    const { state } = await reopened();
    const value = "v".repeat(10_000);
    for (let i = 0; i < 400; i++) await state.save([{ table: "t", key: `k${i % 3}`, value: `${i}${value}` }]);
    await state.close();
    expect((await readFile(file)).length).toBeLessThan(1_500_000);
    expect((await reopened()).records.map((r) => String(r.value).slice(0, 3))).toEqual(["399", "397", "398"]);
  });
});
