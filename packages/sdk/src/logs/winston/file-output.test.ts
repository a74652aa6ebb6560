import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { metricOf, testService } from "../testing.ts";
import { createLogger } from "./index.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), "storewatch-logs-"));
  folders.push(made);
  return made;
}

/** The text of all files of a kind, the oldest first. */
function written(directory: string, kind: string): { files: string[]; lines: Record<string, unknown>[] } {
  const files = readdirSync(directory)
    .filter((name) => name.startsWith(`${kind}-`))
    .sort((a, b) => Number(/\.log\.(\d+)/.exec(a)?.[1] ?? 0) - Number(/\.log\.(\d+)/.exec(b)?.[1] ?? 0));
  const text = files.map((name) => readFileSync(path.join(directory, name), "utf8")).join("");
  const lines = text.split("\n").filter((line) => line !== "");
  return { files, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("daily files", () => {
  test("hold all lines, and the errors once more; the shutdown waits for the last", async () => {
    const directory = path.join(folder(), "made", "here");
    const sw = testService();
    const logger = createLogger(sw, { console: false, directory });
    for (let i = 0; i < 300; i += 1) logger.info("line", { i });
    logger.error("bad", { password: "hunter2" });
    await sw.shutdown();
    const day = new Date().toISOString().slice(0, 10);
    const all = written(directory, "application");
    const errors = written(directory, "error");
    expect([all.files, errors.files]).toEqual([[`application-${day}.log`], [`error-${day}.log`]]);
    expect(all.lines.map(({ i }) => i)).toEqual([...Array.from({ length: 300 }, (_, i) => i), undefined]);
    expect(errors.lines.map(({ message, password }) => [message, password])).toEqual([["bad", "[redacted]"]]);
  });

  test("rotate at their size, and only the asked number is kept; no line is lost between two files", async () => {
    const directory = folder();
    const sw = testService();
    const files = { maxSize: "8k", keep: "3" };
    const logger = createLogger(sw, { console: false, directory, files, maxLinesPerSecond: 0 });
    for (let i = 0; i < 400; i += 1) {
      logger.info("line", { i, filler: "x".repeat(100) });
      // Files are opened in the background, one after another.
      if (i % 10 === 0) await turn();
    }
    await sw.shutdown();
    const kept = written(directory, "application");
    expect(kept.files).toHaveLength(3);
    const numbers = kept.lines.map(({ i }) => Number(i));
    expect(numbers.at(-1)).toBe(399);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, at) => 400 - numbers.length + at));
    for (const name of kept.files) expect(readFileSync(path.join(directory, name)).length).toBeLessThan(8 * 1024 + 500);
  });

  test("are those of before after a restart, also when other options were changed meanwhile", async () => {
    const directory = folder();
    for (const level of ["info", "warn"]) {
      const sw = testService();
      const files = { maxSize: level === "info" ? "1m" : "2m" };
      createLogger(sw, { console: false, directory, level, files }).warn(level);
      await sw.shutdown();
    }
    const day = new Date().toISOString().slice(0, 10);
    expect(written(directory, "application").lines.map(({ message }) => message)).toEqual(["info", "warn"]);
    const list = JSON.parse(readFileSync(path.join(directory, ".application-files.json"), "utf8")) as {
      keep: unknown;
      files: { name: string }[];
    };
    expect(list.keep).toEqual({ days: true, amount: 14 });
    expect(list.files.map(({ name }) => path.basename(name))).toEqual([`application-${day}.log`]);
    const errors = JSON.parse(readFileSync(path.join(directory, ".error-files.json"), "utf8")) as { keep: unknown };
    expect(errors.keep).toEqual({ days: true, amount: 30 });
  });

  test("go on being removed after their list was broken", async () => {
    const directory = folder();
    writeFileSync(path.join(directory, ".application-files.json"), '{"keep": {"da');
    const sw = testService();
    createLogger(sw, { console: false, directory }).info("x");
    await sw.shutdown();
    expect(() => JSON.parse(readFileSync(path.join(directory, ".application-files.json"), "utf8"))).not.toThrow();
  });
});

describe("a folder that is no use", () => {
  test("is told, and the shop goes on; when it works again so do the files", async () => {
    const place = folder();
    const directory = path.join(place, "logs");
    // A file where the folder should be: it fails for every user, also for root.
    writeFileSync(directory, "in the way");
    const time = { ms: 0 };
    const sw = testService({ clock: { monotonicMs: () => time.ms, wallMs: () => 1_790_000_000_000 } });
    const logger = createLogger(sw, { console: false, directory });
    expect(() => logger.error("nowhere to go")).not.toThrow();
    for (let i = 0; i < 500 && !sw.guard.failures().has("logs"); i += 1) await turn();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sw.guard.failures().get("logs")).toBeGreaterThan(0);
    expect(sw.guard.failures().get("logs")).toBeLessThan(20);
    rmSync(directory);
    logger.error("too early to try again");
    time.ms = 10_000;
    logger.error("now it works");
    await sw.shutdown();
    expect(written(directory, "application").lines.map(({ message }) => message)).toEqual(["now it works"]);
    expect(await metricOf(sw, 'storewatch_sdk_log_lines_dropped_total{reason="unwritable"}')).toBeGreaterThan(0);
  });

  test.skipIf(process.getuid?.() === 0)("that may not be written to is the same", () => {
    const directory = folder();
    chmodSync(directory, 0o500);
    const logger = createLogger(testService(), { console: false, directory });
    expect(() => logger.error("x")).not.toThrow();
  });

  test.skipIf(process.platform !== "linux")("a full disk loses lines and nothing else", async () => {
    const directory = folder();
    const day = new Date().toISOString().slice(0, 10);
    // Linux' own full device in the place of the file.
    const file = path.join(directory, `application-${day}.log`);
    symlinkSync("/dev/full", file);
    const sw = testService();
    const full = createLogger(sw, { console: false, directory });
    for (let i = 0; i < 200; i += 1) {
      full.info("lost");
      await turn();
    }
    await sw.shutdown();
    expect(sw.guard.failures().get("logs")).toBeGreaterThan(0);
    expect(() => full.error("still here")).not.toThrow();
  });
});

test.each([{ maxSize: "20 parrots" }, { maxSize: 12 }, { keep: "two weeks" }, { keepErrors: "0d" }])(
  "files: %j is refused at the start",
  (files) => {
    expect(() => createLogger(testService(), { console: false, directory: folder(), files })).toThrow("files.");
  },
);
