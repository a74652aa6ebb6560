// /api/v1/status/*: what Grafana and people ask a Prometheus about itself.
import { type Clock, formatDurationMs } from "@storewatch/model";
import type { MetricStage } from "./metric-stage.ts";
import { VERSION } from "./version.ts";

/** The Prometheus whose API this is: clients choose features by it. */
const PROMETHEUS_VERSION = "3.5.0";

export function statusPages(
  stage: MetricStage,
  retentionMs: number,
  clock: Clock,
): Readonly<Record<string, () => unknown>> {
  const startedAt = new Date(clock.nowMs()).toISOString();
  return {
    buildinfo: () => ({
      version: PROMETHEUS_VERSION,
      revision: `storewatch ${VERSION}`,
      branch: "storewatch",
      buildUser: "",
      buildDate: "",
      goVersion: "",
      features: {},
    }),
    runtimeinfo: () => ({
      startTime: startedAt,
      CWD: "",
      hostname: "",
      serverTime: new Date(clock.nowMs()).toISOString(),
      reloadConfigSuccess: true,
      lastConfigTime: startedAt,
      corruptionCount: 0,
      goroutineCount: 0,
      GOMAXPROCS: 1,
      GOMEMLIMIT: 0,
      GOGC: "",
      GODEBUG: "",
      storageRetention: formatDurationMs(retentionMs),
    }),
    tsdb: () => {
      const { activeSeries, labelPairs, minTimeMs, maxTimeMs } = stage.store.stats();
      return {
        headStats: {
          numSeries: activeSeries,
          numLabelPairs: labelPairs,
          chunkCount: 0,
          minTime: minTimeMs,
          maxTime: maxTimeMs,
        },
        seriesCountByMetricName: [],
        labelValueCountByLabelName: [],
        memoryInBytesByLabelName: [],
        seriesCountByLabelValuePair: [],
      };
    },
  };
}
