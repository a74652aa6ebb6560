// Spans leave without secrets, query strings and addresses: the probes write down whatever they see.
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { scrubAttributes } from "../errors/scrub.ts";

/** The same exporter, for spans that have ended: nobody else reads them any more, so they are cleaned in place. */
export function scrubbing(exporter: SpanExporter): SpanExporter {
  return {
    export(spans, done) {
      for (const span of spans) clean(span);
      exporter.export(spans, done);
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

function clean(span: ReadableSpan): void {
  replace(span.attributes);
  for (const { attributes } of span.events) {
    if (attributes !== undefined) replace(attributes);
  }
}

function replace(attributes: Record<string, unknown>): void {
  const kept = scrubAttributes(attributes);
  for (const name of Object.keys(attributes)) {
    if (name in kept) attributes[name] = kept[name];
    else delete attributes[name];
  }
}
