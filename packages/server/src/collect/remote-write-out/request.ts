// One request of remote write: encoded, sent, tried again by the rules of the protocol.
import type { Clock, Labels, MetricMetadata, Sample, SeriesExemplar } from "@storewatch/model";
import { sleep } from "@storewatch/model";
import type { ConfiguredHttp } from "../http/configured-http.ts";
import type { RemoteWriteConfig } from "../prometheus-config.ts";
import { snappyCompress } from "../protobuf/snappy.ts";
import { ProtoWriter } from "../protobuf/writer.ts";
import { encodeWriteRequest } from "../remote-write/encode-v1.ts";
import { encodeWriteRequestV2 } from "../remote-write/encode-v2.ts";

export interface Content {
  readonly samples: readonly Sample[];
  readonly exemplars: readonly SeriesExemplar[];
  /** By family; protocol 1.0 only. */
  readonly metadata?: ReadonlyMap<string, MetricMetadata>;
}

/** sent: taken; refused: never to be sent again; stopped: the process goes down. */
export type Outcome =
  | { readonly kind: "sent"; readonly bytes: number }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "stopped" };

export interface RequestDependencies {
  readonly config: RemoteWriteConfig;
  readonly http: ConfiguredHttp;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly metadataOf: (labels: Labels) => MetricMetadata | undefined;
  readonly onRetry: (content: Content, reason: string) => void;
  readonly onAttempt: (seconds: number) => void;
  /** A fraction from 0 to 1, so that many senders do not try again together. */
  readonly random: () => number;
}

const ANSWER_BYTES_MAX = 64 * 1024;
const REASON_CHARACTERS_MAX = 512;
/** A receiver that asks for more patience than this is asked again after this. */
const RETRY_AFTER_MS_MAX = 10 * 60_000;

export async function sendContent(content: Content, deps: RequestDependencies, signal: AbortSignal): Promise<Outcome> {
  const { config, clock } = deps;
  const body = encode(content, deps);
  let backoffMs = config.queue.backoffMinMs;
  for (;;) {
    const answer = await attempt(body, deps, signal);
    if (answer.kind === "taken") return { kind: "sent", bytes: body.length };
    if (answer.kind === "refused") return answer;
    if (signal.aborted) return { kind: "stopped" };
    deps.onRetry(content, answer.reason);
    const waitMs = Math.max(answer.afterMs, backoffMs * (0.75 + 0.5 * deps.random()));
    await sleep(clock, waitMs, signal).catch(() => {});
    if (signal.aborted) return { kind: "stopped" };
    backoffMs = Math.min(2 * backoffMs, config.queue.backoffMaxMs);
    if (isTooOld(content, deps)) return { kind: "refused", reason: "older than sample_age_limit" };
  }
}

function isTooOld({ samples }: Content, { config, clock }: RequestDependencies): boolean {
  const { sampleAgeLimitMs } = config.queue;
  if (sampleAgeLimitMs === 0 || samples.length === 0) return false;
  const oldestMs = clock.nowMs() - sampleAgeLimitMs;
  return samples.every(({ timeMs }) => timeMs < oldestMs);
}

function encode(content: Content, { config, metadataOf }: RequestDependencies): Uint8Array {
  const out = new ProtoWriter(1 << 17);
  if (config.version === "2.0") encodeWriteRequestV2(out, { ...content, metadataOf });
  else encodeWriteRequest(out, content);
  return snappyCompress(out.view());
}

type Answer =
  | { readonly kind: "taken" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "later"; readonly reason: string; readonly afterMs: number };

async function attempt(body: Uint8Array, deps: RequestDependencies, signal: AbortSignal): Promise<Answer> {
  const { config, http, clock } = deps;
  const startedMs = clock.monotonicMs();
  try {
    const {
      status,
      headers,
      body: text,
    } = await http.request({
      method: "POST",
      url: config.url.reveal(),
      headers: requestHeaders(deps),
      body,
      timeoutMs: config.timeoutMs,
      bodyLimitBytes: ANSWER_BYTES_MAX,
      signal,
    });
    if (status >= 200 && status < 300) {
      // A receiver of 1.0 may read nothing in the new message and be content with that.
      const isUnread = config.version === "2.0" && headers["x-prometheus-remote-write-samples-written"] === undefined;
      return isUnread ? { kind: "refused", reason: "the receiver does not speak remote write 2.0" } : { kind: "taken" };
    }
    const reason = `${status} ${text.toString("utf8").trim().slice(0, REASON_CHARACTERS_MAX)}`.trim();
    if (status >= 500 || (status === 429 && config.queue.retryOn429)) {
      return { kind: "later", reason, afterMs: retryAfterMs(headers["retry-after"], clock) };
    }
    return { kind: "refused", reason };
  } catch (error) {
    return { kind: "later", reason: error instanceof Error ? error.message : String(error), afterMs: 0 };
  } finally {
    deps.onAttempt((clock.monotonicMs() - startedMs) / 1000);
  }
}

function requestHeaders({ config, userAgent }: RequestDependencies): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(config.headers)) own[name.toLowerCase()] = value;
  const isSecond = config.version === "2.0";
  return {
    ...own,
    "content-type": isSecond ? "application/x-protobuf;proto=io.prometheus.write.v2.Request" : "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": isSecond ? "2.0.0" : "0.1.0",
    "user-agent": userAgent,
  };
}

/** Seconds or a date; what is neither is no wish. */
export function retryAfterMs(header: string | string[] | undefined, clock: Pick<Clock, "nowMs">): number {
  const text = Array.isArray(header) ? header[0] : header;
  if (!text) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - clock.nowMs();
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MS_MAX) : 0;
}
