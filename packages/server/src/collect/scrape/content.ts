// Which format a page is asked for in, and which it is in.
import { FetchError } from "./fetch-error.ts";

export type PageFormat = "text" | "openmetrics" | "protobuf";

/** Names as they stand in scrape_protocols, with what asks for them. */
const MEDIA_TYPES = {
  PrometheusProto: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
  "PrometheusText0.0.4": "text/plain;version=0.0.4",
  "PrometheusText1.0.0": "text/plain;version=1.0.0",
  "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
  "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
} as const;

export type ScrapeProtocol = keyof typeof MEDIA_TYPES;
/** What a target does with names beyond [a-zA-Z_:]: sends them as they are, or rewritten. */
export type NameEscaping = "allow-utf-8" | "underscores" | "dots" | "values";

export interface Negotiation {
  /** What is asked for, dearest first. */
  readonly protocols: readonly ScrapeProtocol[];
  readonly escaping: NameEscaping;
  /** Of a page whose type is missing or unknown. */
  readonly fallback: ScrapeProtocol | undefined;
}

const DEFAULT_PROTOCOLS: readonly ScrapeProtocol[] = [
  "OpenMetricsText1.0.0",
  "OpenMetricsText0.0.1",
  "PrometheusText1.0.0",
  "PrometheusText0.0.4",
];

/** Only protobuf carries native histograms. */
export function defaultProtocols(nativeHistograms: boolean): readonly ScrapeProtocol[] {
  return nativeHistograms ? ["PrometheusProto", ...DEFAULT_PROTOCOLS] : DEFAULT_PROTOCOLS;
}

export function isScrapeProtocol(name: string): name is ScrapeProtocol {
  return Object.hasOwn(MEDIA_TYPES, name);
}

/** The Accept header. Only the newer versions of the text formats know how names are to be escaped. */
export function acceptHeader({ protocols, escaping }: Negotiation): string {
  const wanted = protocols.map((protocol, i) => {
    const escaped = protocol.endsWith("1.0.0") ? `;escaping=${escaping}` : "";
    return `${MEDIA_TYPES[protocol]}${escaped};q=0.${protocols.length + 1 - i}`;
  });
  return [...wanted, "*/*;q=0.1"].join(",");
}

/** Throws FetchError for protobuf that is not a stream of messages. */
export function formatOf(contentType: string, fallback: ScrapeProtocol | undefined): PageFormat {
  const [type, ...params] = contentType.split(";").map((part) => part.trim().toLowerCase());
  if (type === "application/openmetrics-text") return "openmetrics";
  if (type === "text/plain") return "text";
  if (type === "application/vnd.google.protobuf") {
    const encoding = params.find((param) => param.startsWith("encoding="))?.slice("encoding=".length);
    if (encoding === undefined || encoding.replaceAll('"', "") === "delimited") return "protobuf";
    throw new FetchError(`the target sent protobuf with encoding ${encoding}, only delimited can be read`, "content");
  }
  if (fallback?.startsWith("OpenMetrics")) return "openmetrics";
  // Without a fallback too: text is what a target that names no type nearly always means, and its parser is strict.
  return fallback === "PrometheusProto" ? "protobuf" : "text";
}
