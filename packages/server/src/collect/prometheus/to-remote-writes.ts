// From the checked keys of the section `remote_write` to what sending works with. Defaults are those of Prometheus 3.
import { createHash } from "node:crypto";
import type { z } from "zod";
import type { NameScheme } from "../relabel.ts";
import type { RemoteQueueConfig, RemoteWriteConfig } from "./config-types.ts";
import type { remoteWriteFields } from "./other-sections.ts";
import { toRelabelConfigs } from "./relabel-fields.ts";
import { Secret } from "./secret.ts";
import { type Surroundings, toHttp } from "./to-http.ts";

type Fields = NonNullable<z.output<typeof remoteWriteFields>>[number];

export function toRemoteWrites(
  writes: z.output<typeof remoteWriteFields>,
  nameScheme: NameScheme,
  from: Surroundings,
): RemoteWriteConfig[] {
  return (writes ?? []).map((fields) => {
    const url = fields.url ?? "";
    return {
      name:
        fields.name ||
        createHash("sha256")
          .update(JSON.stringify([url, fields.headers]))
          .digest("hex")
          .slice(0, 6),
      url: new Secret(url),
      timeoutMs: fields.remote_timeout || 30_000,
      http: toHttp(fields, from),
      headers: fields.headers ?? {},
      version: fields.protobuf_message === "io.prometheus.write.v2.Request" ? "2.0" : "1.0",
      relabel: toRelabelConfigs(fields.write_relabel_configs),
      nameScheme,
      sendExemplars: fields.send_exemplars ?? false,
      sendNativeHistograms: fields.send_native_histograms ?? false,
      queue: toQueue(fields.queue_config),
      metadata: {
        send: fields.metadata_config?.send ?? true,
        intervalMs: fields.metadata_config?.send_interval || 60_000,
        perSendMax: fields.metadata_config?.max_samples_per_send || 2000,
      },
    };
  });
}

function toQueue(queue: Fields["queue_config"]): RemoteQueueConfig {
  return {
    capacity: queue?.capacity ?? 10_000,
    shardsMax: queue?.max_shards ?? 50,
    shardsMin: queue?.min_shards ?? 1,
    samplesPerSendMax: queue?.max_samples_per_send ?? 2000,
    sendDeadlineMs: queue?.batch_send_deadline || 5000,
    backoffMinMs: queue?.min_backoff ?? 30,
    backoffMaxMs: queue?.max_backoff ?? 5000,
    retryOn429: queue?.retry_on_http_429 ?? false,
    sampleAgeLimitMs: queue?.sample_age_limit ?? 0,
  };
}
