// kill -9 while scraping: what is older than 2 s is there after the restart, and the same questions get the same answers.
import { type StorewatchProcess, startStorewatch, temporaryDir, waitUntil } from "@storewatch/testkit";
import { afterEach, expect, test } from "vitest";
import { startTarget, type Target } from "./target.ts";

let target: Target | undefined;
let server: StorewatchProcess | undefined;
afterEach(async () => {
  await server?.kill();
  await target?.close();
});

type Matrix = { data: { result: Array<{ values: Array<[number, string]> }> } };

test("scrapes older than 2 s survive kill -9 at any moment", { timeout: 60_000 }, async () => {
  target = await startTarget("ticks 0\n");
  const dataDir = temporaryDir("storewatch-kill-");
  const files = {
    "storewatch.yml": "metrics: { prometheus: prometheus.yml }\n",
    "prometheus.yml": `global: { scrape_interval: 200ms, scrape_timeout: 200ms }\nscrape_configs:\n  - job_name: t\n    static_configs: [{ targets: ["${target.address}"] }]\n`,
  };
  for (let round = 0; round < 3; round++) {
    server = await startStorewatch({ files, dataDir });
    const before = target.scrapes;
    await waitUntil(() => {
      target!.page = `ticks ${target!.scrapes}\n`;
      return target!.scrapes >= before + 15 + round * 3;
    }, 20_000);
    const seen = await ticks(server);
    const cutoff = Date.now() / 1000 - 2;
    await server.kill();
    server = await startStorewatch({ files, dataDir });
    const after = new Map(await ticks(server));
    const lost = seen.filter(([time, value]) => time < cutoff && after.get(time) !== value);
    expect(lost).toEqual([]);
    await server.kill();
  }
});

async function ticks(from: StorewatchProcess): Promise<Array<[number, string]>> {
  const reply = (await from.json("/api/v1/query?query=ticks[10m]")) as Matrix;
  return reply.data.result.flatMap((series) => series.values);
}
