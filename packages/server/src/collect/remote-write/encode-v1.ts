// Remote write 1.0, encoded: see decode-v1.ts for the fields.
import type { Labels, MetricMetadata, Sample, SeriesExemplar } from "@storewatch/model";
import { STALE_HIGH, STALE_LOW } from "@storewatch/model";
import { ProtoWriter } from "../protobuf/writer.ts";
import { writeHistogram } from "./histogram-codec.ts";
import { metricTypeNumber } from "./metric-types.ts";

export interface WriteContent {
  /** Neighbours with the same Labels object become one series of the request. */
  readonly samples: readonly Sample[];
  readonly exemplars?: readonly SeriesExemplar[];
  /** By metric family name. */
  readonly metadata?: ReadonlyMap<string, MetricMetadata>;
}

export function encodeWriteRequest(out: ProtoWriter, { samples, exemplars = [], metadata }: WriteContent): void {
  for (let at = 0; at < samples.length; ) {
    const { labels } = samples[at];
    const from = at;
    while (at < samples.length && samples[at].labels === labels) at++;
    const to = at;
    out.message(1, (series) => {
      writeLabels(series, labels);
      for (let i = from; i < to; i++) writeSample(series, samples[i]);
    });
  }
  for (const { series: labels, exemplar } of exemplars) {
    out.message(1, (series) => {
      writeLabels(series, labels);
      series.message(3, (one) => {
        writeLabels(one, exemplar.labels);
        one.double(2, exemplar.value).int(3, exemplar.timeMs);
      });
    });
  }
  for (const [family, { type, help, unit }] of metadata ?? []) {
    out.message(3, (one) => {
      one.uint(1, metricTypeNumber(type)).string(2, family);
      if (help !== "") one.string(4, help);
      if (unit !== "") one.string(5, unit);
    });
  }
}

/** Senders repeat their series: encoding the labels is most of the work. */
const encodedLabels = new WeakMap<Labels, Uint8Array>();

function writeLabels(out: ProtoWriter, labels: Labels): void {
  let encoded = encodedLabels.get(labels);
  if (!encoded) {
    const { pairs } = labels;
    const own = new ProtoWriter(256);
    for (let i = 0; i < pairs.length; i += 2) {
      own.message(1, (label) => {
        label.string(1, pairs[i]).string(2, pairs[i + 1]);
      });
    }
    encoded = own.finish();
    encodedLabels.set(labels, encoded);
  }
  out.append(encoded);
}

function writeSample(series: ProtoWriter, { timeMs, value, stale, histogram }: Sample): void {
  if (histogram) {
    series.message(4, (out) => writeHistogram(out, histogram, timeMs, stale));
    return;
  }
  series.message(2, (out) => {
    if (stale) out.doubleBits(1, STALE_LOW, STALE_HIGH);
    else if (value !== 0 || Object.is(value, -0)) out.double(1, value);
    out.int(2, timeMs);
  });
}
