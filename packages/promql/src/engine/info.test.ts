import { expect, it } from "vitest";
import { runScript } from "../promqltest/index.ts";

/** Why each query of a script fails; nothing when all give what is expected. */
async function failures(script: string): Promise<string[]> {
  const results = await runScript(script.replaceAll(/\n {2}\n/g, "\n\n"));
  expect(results.length).toBeGreaterThan(0);
  return results.flatMap(({ expression, failure }) => (failure === undefined ? [] : [`${expression}: ${failure}`]));
}

it("joins the labels of several info metrics, and refuses two that say different things", async () => {
  expect(
    await failures(`
load 1m
  metric{instance="a",job="1"} 1 2 3
  target_info{instance="a",job="1",version="v1"} 1 1 1
  build_info{instance="a",job="1",commit="c"} 1 1 1
  other_info{instance="a",job="1",commit="d"} 1 1 1
  names{instance="a",job="1"} {{schema:0 sum:1 count:1 buckets:[1]}}x3

eval instant at 1m info(metric, {__name__=~"(target|build)_info"})
  metric{instance="a",job="1",version="v1",commit="c"} 2

eval instant at 1m info(metric, {__name__=~"(target|build)_info", commit=~".+"})
  metric{instance="a",job="1",commit="c"} 2

eval instant at 1m info(metric, {__name__=~".+_info"})
  expect fail msg: conflicting label: commit

eval instant at 1m info(metric, {__name__="names"})
  expect fail regex: this should be an info metric, with float samples

eval instant at 1m info(names)
  names{instance="a",job="1",version="v1"} {{schema:0 sum:1 count:1 buckets:[1]}}

eval instant at 1m info(rate(metric[2m]) > 100)
`),
  ).toEqual([]);
});

it("takes the newest of two, and refuses two of the same time", async () => {
  expect(
    await failures(`
load 1m
  metric{instance="a",job="1"} 1 2 3 4
  target_info{instance="a",job="1",version="v1"} 1 1 _ _
  target_info{instance="a",job="1",version="v2"} _ _ 1 1
  target_info{instance="b",job="1",version="v1"} 1 1 1 1
  target_info{instance="b",job="1",version="v2"} 1 1 1 1
  metric{instance="b",job="1"} 1 2 3 4

eval range from 0 to 3m step 1m info(metric{instance="a"})
  metric{instance="a",job="1",version="v1"} 1 2 _ _
  metric{instance="a",job="1",version="v2"} _ _ 3 4

eval instant at 3m info(metric{instance="a"} @ 60)
  metric{instance="a",job="1",version="v1"} 2

eval instant at 3m info(metric{instance="b"})
  expect fail regex: found duplicate series for info metric: existing .+ @ 180000, new .+ @ 180000
`),
  ).toEqual([]);
});

it("names instances and jobs literally, and goes without names when there are many", async () => {
  const instances = Array.from({ length: 300 }, (_, i) => `h${i}.x(y)`);
  const lines = instances.flatMap((instance) => [
    `  metric{instance="${instance}",job="a.b"} 1`,
    `  target_info{instance="${instance}",job="a.b",zone="z"} 1`,
  ]);
  const load = (count: number) =>
    `load 1m\n${lines.slice(0, 2 * count).join("\n")}\n  target_info{instance="h0-x(y)",job="a.b"} 1\n`;
  for (const count of [3, 300]) {
    expect(
      await failures(`\n${load(count)}\neval instant at 0 count by (zone) (info(metric))\n  {zone="z"} ${count}\n`),
    ).toEqual([]);
  }
});
