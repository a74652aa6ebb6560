// Remote write 2.0, encoded: see decode-v2.ts for the fields.
import { type Labels, type Sample, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import { ProtoWriter } from "../protobuf/writer.ts";
import type { WriteContent } from "./encode-v1.ts";
import { writeHistogram } from "./histogram-codec.ts";
import { metricTypeNumber } from "./metric-types.ts";

/** Metadata is that of the metric's family: the caller finds it, since names of series carry suffixes. */
export interface WriteContentV2 extends Omit<WriteContent, "metadata"> {
  readonly metadataOf?: (
    labels: Labels,
  ) => { readonly type: string; readonly help: string; readonly unit: string } | undefined;
}

class SymbolTable {
  readonly texts: string[] = [""];
  private readonly places = new Map<string, number>([["", 0]]);

  place(text: string): number {
    const known = this.places.get(text);
    if (known !== undefined) return known;
    this.places.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}

export function encodeWriteRequestV2(out: ProtoWriter, content: WriteContentV2): void {
  const { samples, exemplars = [], metadataOf } = content;
  const symbols = new SymbolTable();
  const series = new ProtoWriter(4096);
  for (let at = 0; at < samples.length; ) {
    const { labels } = samples[at];
    const from = at;
    while (at < samples.length && samples[at].labels === labels) at++;
    const to = at;
    series.message(5, (one) => {
      writeRefs(one, labels, symbols);
      for (let i = from; i < to; i++) writeSample(one, samples[i]);
      const told = metadataOf?.(labels);
      if (told) {
        const { type, help, unit } = told;
        one.message(5, (field) => {
          field.uint(1, metricTypeNumber(type)).uint(3, symbols.place(help)).uint(4, symbols.place(unit));
        });
      }
    });
  }
  for (const { series: labels, exemplar } of exemplars) {
    series.message(5, (one) => {
      writeRefs(one, labels, symbols);
      one.message(4, (field) => {
        writeRefs(field, exemplar.labels, symbols);
        field.double(2, exemplar.value).int(3, exemplar.timeMs);
      });
    });
  }
  for (const text of symbols.texts) out.string(4, text);
  out.append(series.view());
}

function writeRefs(out: ProtoWriter, { pairs }: Labels, symbols: SymbolTable): void {
  out.message(1, (packed) => {
    for (const text of pairs) packed.varint(symbols.place(text));
  });
}

function writeSample(series: ProtoWriter, { timeMs, value, stale, histogram }: Sample): void {
  if (histogram) {
    series.message(3, (out) => writeHistogram(out, histogram, timeMs, stale));
    return;
  }
  series.message(2, (out) => {
    if (stale) out.doubleBits(1, STALE_LOW, STALE_HIGH);
    else if (value !== 0 || Object.is(value, -0)) out.double(1, value);
    out.int(2, timeMs);
  });
}
