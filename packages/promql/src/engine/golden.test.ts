import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runScript } from "../promqltest/index.ts";

const FOLDER = join(import.meta.dirname, "testdata");

describe.each(readdirSync(FOLDER))("%s", (file) => {
  it("gives the expected results", async () => {
    const results = await runScript(readFileSync(join(FOLDER, file), "utf8"));
    const failures = results.flatMap(({ line, failure }) =>
      failure === undefined ? [] : [`${file}:${line}: ${failure}`],
    );
    expect(failures).toEqual([]);
    expect(results.length).toBeGreaterThan(0);
  });
});

it("notices a wrong expectation of each kind", async () => {
  const script = (expectation: string) => `load 1m\n  a 1 2\n\neval instant at 1m a + 0\n${expectation}\n`;
  for (const wrong of ["{} 3", "a 2", "", '{} 2\n{b="c"} 2', "expect fail", "expect warn\n{} 2", "2"]) {
    const [result] = await runScript(script(wrong));
    expect(result.failure, wrong).toBeDefined();
  }
  expect((await runScript(script("{} 2")))[0].failure).toBeUndefined();
});
