import { FakeClock } from "@storewatch/testkit";
import { expect, it } from "vitest";
import { createSelfMetrics } from "../kernel/self-metrics.ts";
import { watchedReload } from "./reload-metrics.ts";

it("a refused reload is seen until one is taken", async () => {
  const metrics = createSelfMetrics();
  const clock = new FakeClock(5000);
  let problem: Error | undefined;
  const reload = watchedReload(
    async () => {
      if (problem) throw problem;
    },
    metrics,
    clock,
  );
  const shown = async () =>
    (await metrics.metrics())
      .split("\n")
      .filter((line) => !line.startsWith("#") && line !== "")
      .map((line) => line.replace("storewatch_config_last_reload_", ""));
  expect(await shown()).toEqual(["successful 1", "success_timestamp_seconds 5"]);
  await clock.advance(1000);
  problem = new Error("bad file");
  await expect(reload()).rejects.toThrow("bad file");
  expect(await shown()).toEqual(["successful 0", "success_timestamp_seconds 5"]);
  problem = undefined;
  await reload();
  expect(await shown()).toEqual(["successful 1", "success_timestamp_seconds 6"]);
});
