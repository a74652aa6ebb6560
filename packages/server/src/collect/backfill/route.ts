// POST /api/storewatch/v1/backfill: history of any age, in the form of remote write 1.0. What `storewatch import` sends.
import {
  bitsOf,
  type Labels,
  type NativeHistogram,
  type Sample,
  type SeriesSamples,
  STALE_HIGH,
  STALE_LOW,
  type TenantScope,
} from "@storewatch/model";
import type { AppendResult, BackfillResult } from "@storewatch/tsdb";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { StorewatchError } from "../../kernel/errors.ts";
import { Slots } from "../intake/body-budget.ts";
import type { RefusalReason } from "../intake/interface.ts";
import { Refusals } from "../intake/refusals.ts";
import { chooseTenant } from "../intake/tenant-choice.ts";
import { place } from "../intake/verdicts.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import { SnappyError, snappyDecompress } from "../protobuf/snappy.ts";
import { WriteRequestDecoder } from "../remote-write/decode-v1.ts";
import { SeriesCache } from "../remote-write/series-cache.ts";

export interface BackfillDependencies {
  readonly store: {
    backfill(scope: TenantScope, series: readonly SeriesSamples[]): Promise<BackfillResult>;
    append(scope: TenantScope, samples: readonly Sample[]): Promise<AppendResult>;
  };
  readonly nextTurn: () => Promise<void>;
}

const BODY_BYTES_MAX = 32 * 2 ** 20;
const DECOMPRESSED_BYTES_MAX = 128 * 2 ** 20;
const SLICE_SERIES = 2000;

export function backfillRoutes(deps: BackfillDependencies): FastifyPluginAsync {
  // One at a time: each holds its samples in memory until its blocks are written.
  const slots = new Slots(1);
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: BODY_BYTES_MAX }, (_request, body, done) =>
      done(null, body),
    );
    app.post("/api/storewatch/v1/backfill", { config: { access: "ingest" } }, (request) =>
      slots.run(() => takeIn(deps, request)),
    );
  };
}

interface Report {
  /** Samples that are in the store now, also those that were there before. */
  readonly written: number;
  readonly tooOld: number;
  readonly refused: readonly { readonly reason: string; readonly count: number; readonly example: string }[];
}

async function takeIn({ store, nextTurn }: BackfillDependencies, request: FastifyRequest): Promise<Report> {
  const header = request.headers["x-scope-orgid"];
  const scope = chooseTenant(request.principal.scope, Array.isArray(header) ? header[0] : header);
  const refusals = new Refusals();
  const samples = await decode(request, nextTurn, refusals);
  const series = group(scope, samples, refusals);
  try {
    const { written, tooOld, untilMs } = await store.backfill(scope, series);
    const recent = series.flatMap((one) => younger(one, untilMs));
    const appended = recent.length > 0 ? await store.append(scope, recent) : undefined;
    return {
      written: written + (appended ? appended.appended + appended.duplicates : 0),
      tooOld: tooOld + (appended?.tooOld ?? 0),
      refused: refusals.list(),
    };
  } catch (error) {
    if (error instanceof StorewatchError) throw error;
    const reason = `samples cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    throw new StorewatchError("UNAVAILABLE", { reason }, { cause: error });
  }
}

async function decode(request: FastifyRequest, nextTurn: () => Promise<void>, refusals: Refusals): Promise<Sample[]> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  try {
    const decoder = new WriteRequestDecoder(snappyDecompress(body, DECOMPRESSED_BYTES_MAX), new SeriesCache());
    while (decoder.step(SLICE_SERIES)) await nextTurn();
    const result = decoder.result();
    refusals.addAll(result.refusals);
    return result.samples;
  } catch (error) {
    if (!(error instanceof SnappyError || error instanceof ProtobufError)) throw error;
    throw new StorewatchError("BAD_REQUEST", { reason: `the body is no write request: ${error.message}` });
  }
}

interface Samples {
  readonly labels: Labels;
  readonly samples: Sample[];
}

interface Refused {
  readonly reason: RefusalReason;
  readonly why: string;
}

/** By series, with ascending times; of several samples for one time the first stays. */
function group(scope: TenantScope, samples: readonly Sample[], refusals: Refusals): SeriesSamples[] {
  const found = new Map<string, Samples>();
  const places = new Map<Labels, Samples | Refused>();
  for (const sample of samples) {
    let known = places.get(sample.labels);
    if (!known) {
      const placed = place(scope, sample.labels);
      if ("labels" in placed) {
        known = found.get(placed.labels.key) ?? { labels: placed.labels, samples: [] };
        found.set(placed.labels.key, known);
      } else known = placed;
      places.set(sample.labels, known);
    }
    if ("samples" in known) known.samples.push(sample);
    else {
      const { reason, why } = known;
      refusals.add(reason, 1, () => why);
    }
  }
  return [...found.values()].map(({ labels, samples: own }) => toSeries(labels, own));
}

function toSeries(labels: Labels, samples: readonly Sample[]): SeriesSamples {
  const sorted = [...samples].sort((a, b) => a.timeMs - b.timeMs);
  const kept = sorted.filter((sample, i) => i === 0 || sample.timeMs > sorted[i - 1].timeMs);
  const values = Float64Array.from(kept, ({ value }) => value);
  const bits = bitsOf(values);
  const histograms: (NativeHistogram | undefined)[] = [];
  let hasHistograms = false;
  for (const [i, { stale, histogram }] of kept.entries()) {
    if (stale) bits.set([STALE_LOW, STALE_HIGH], 2 * i);
    if (histogram) hasHistograms = true;
    histograms.push(histogram);
  }
  const timesMs = Float64Array.from(kept, ({ timeMs }) => timeMs);
  return hasHistograms ? { labels, timesMs, values, histograms } : { labels, timesMs, values };
}

/** What is too young for a block, as samples. */
function younger({ labels, timesMs, values, histograms }: SeriesSamples, fromMs: number): Sample[] {
  const bits = bitsOf(values);
  const samples: Sample[] = [];
  for (let i = 0; i < timesMs.length; i++) {
    if (timesMs[i] < fromMs) continue;
    const stale = bits[2 * i] === STALE_LOW && bits[2 * i + 1] === STALE_HIGH;
    const histogram = histograms?.[i];
    samples.push({
      labels,
      timeMs: timesMs[i],
      value: values[i],
      ...(stale && { stale }),
      ...(histogram && { histogram }),
    });
  }
  return samples;
}
