// Times in which an alert was pending or firing, as bars on a chart's own time axis.
import { useTranslation } from "react-i18next";
import { moment } from "../design/times.ts";
import { currentLanguage } from "../text/index.ts";

export interface Span {
  readonly state: "pending" | "firing";
  readonly fromMs: number;
  readonly toMs: number;
}

export interface PlacedSpan extends Span {
  readonly leftPercent: number;
  readonly widthPercent: number;
}

/** Cut to the axis; what is shorter than a hair stays visible. */
export function placeSpan<S extends Span>(span: S, fromMs: number, toMs: number): PlacedSpan {
  const place = (ms: number) => ((Math.min(Math.max(ms, fromMs), toMs) - fromMs) / (toMs - fromMs)) * 100;
  const leftPercent = place(span.fromMs);
  return {
    state: span.state,
    fromMs: span.fromMs,
    toMs: span.toMs,
    leftPercent,
    widthPercent: Math.max(0.4, place(span.toMs) - leftPercent),
  };
}

export function SpanTrack({
  spans,
  critical,
  atMs,
}: {
  readonly spans: readonly PlacedSpan[];
  readonly critical: boolean;
  readonly atMs: number;
}) {
  const { t } = useTranslation();
  const language = currentLanguage();
  return (
    <span className="span-track">
      {spans.map((one) => (
        <i
          key={`${one.state} ${one.fromMs}`}
          className={`span-${one.state}${one.state === "firing" && !critical ? " span-warning" : ""}`}
          style={{ left: `${one.leftPercent}%`, width: `${one.widthPercent}%` }}
          title={`${t(`state.${one.state}`)} ${moment(one.fromMs, atMs, language)} – ${moment(one.toMs, atMs, language)}`}
        />
      ))}
    </span>
  );
}
