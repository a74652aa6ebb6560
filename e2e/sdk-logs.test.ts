// The SDK's logger in processes of their own, on real pipes: one that nobody reads, and one whose reader goes away.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

const SCRIPT = path.join(import.meta.dirname, "sdk-logs.mjs");

function start(...given: string[]) {
  const child = spawn(process.execPath, [SCRIPT, ...given], { stdio: ["ignore", "pipe", "pipe", "pipe"] });
  const found = text(child.stdio[3] as Readable).then((line) => JSON.parse(line || "{}") as Record<string, number>);
  const complaints = text(child.stderr!);
  const over = once(child, "exit") as Promise<[number | null]>;
  return { child, found, complaints, over };
}

test.each(["esm", "cjs"])(
  "a console that nobody reads takes no more than its 8 MB, and the work goes on (%s)",
  async (form) => {
    const { child, found, complaints, over } = start("30000", form);
    child.stdout!.pause();
    const [code] = await over;
    expect([code, await complaints]).toEqual([0, ""]);
    const { dropped, waiting } = await found;
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThan(9 * 1024 * 1024);
    // 30,000 lines of over 1 kB, of which 8 MB and what the pipe holds were taken.
    expect(dropped).toBeGreaterThan(20_000);
  },
);

test("a reader that goes away ends nothing", async () => {
  const { child, found, complaints, over } = start("5000", "esm");
  await once(child.stdout!, "data");
  child.stdout!.destroy();
  const [code] = await over;
  expect([code, await complaints]).toEqual([0, ""]);
  expect((await found).tookMs).toBeGreaterThan(0);
});
