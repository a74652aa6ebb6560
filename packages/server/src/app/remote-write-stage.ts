// Remote write, out: what goes into the store goes to the receivers of the Prometheus file as well.
import path from "node:path";
import type { Clock, MetricMetadata } from "@storewatch/model";
import type { PrometheusConfig } from "../collect/prometheus-config.ts";
import { RemoteWriter } from "../collect/remote-write-out/remote-writer.ts";
import type { Logger } from "../kernel/logger.ts";
import { systemRng } from "../kernel/rng.ts";
import { createSafeHttp } from "../kernel/safe-http.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { MetricStage } from "./metric-stage.ts";
import { VERSION } from "./version.ts";

export interface RemoteWriteStage {
  /** The stage whose writes are copied for the receivers; its reads are the same. */
  readonly stage: MetricStage;
  /** Before anything is written. */
  start(config: PrometheusConfig, metadata: () => ReadonlyMap<string, readonly MetricMetadata[]>): Promise<void>;
  reload(config: PrometheusConfig): Promise<void>;
  stop(): Promise<void>;
}

export interface RemoteWriteStageOptions {
  readonly stage: MetricStage;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  /** Address ranges that are open to the operator's URLs although closed otherwise. */
  readonly allowedRanges: readonly string[];
}

export function createRemoteWriteStage({
  stage,
  dataDir,
  allowedRanges,
  ...rest
}: RemoteWriteStageOptions): RemoteWriteStage {
  const http = createSafeHttp({ allow: allowedRanges });
  const writer = new RemoteWriter({
    ...rest,
    dir: path.join(dataDir, "remote-write"),
    send: http.request,
    userAgent: `Storewatch/${VERSION}`,
    random: systemRng,
  });
  const { store } = stage;
  const configOf = ({ remoteWrites, global }: PrometheusConfig) => ({
    remotes: remoteWrites,
    externalLabels: global.externalLabels,
  });
  return {
    stage: {
      ...stage,
      openRows: (scope, key) => writer.tapRows(stage.openRows(scope, key)),
      store: {
        ...store,
        append: writer.tapAppend(store.append),
        appendExemplars(scope, items) {
          const result = store.appendExemplars(scope, items);
          writer.tapExemplars(items);
          return result;
        },
      },
    },
    start: (config, metadata) => writer.start(configOf(config), metadata),
    reload: (config) => writer.reload(configOf(config)),
    async stop() {
      await writer.stop();
      await http.close();
    },
  };
}
