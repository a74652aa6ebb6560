// What the URL holds for all pages: the time range and the shop.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { moment, span } from "../design/times.ts";
import { currentLanguage } from "../text/index.ts";

export interface UrlState {
  readonly range?: string;
  readonly from?: number;
  readonly to?: number;
  readonly tenant?: string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
export const RANGES: ReadonlyArray<readonly [string, number]> = [
  ["5m", 5 * MINUTE],
  ["15m", 15 * MINUTE],
  ["1h", HOUR],
  ["3h", 3 * HOUR],
  ["6h", 6 * HOUR],
  ["12h", 12 * HOUR],
  ["1d", DAY],
  ["2d", 2 * DAY],
  ["7d", 7 * DAY],
  ["30d", 30 * DAY],
];
export const DEFAULT_RANGE = "1h";

/** Lenient: what cannot be read is left out, a link never fails for it. */
export function readUrlState(search: Readonly<Record<string, unknown>>): UrlState {
  const number = (value: unknown) =>
    typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.round(value) : undefined;
  const [from, to] = [number(search.from), number(search.to)];
  const absolute = from !== undefined && to !== undefined && from < to;
  const range = typeof search.range === "string" && rangeLength(search.range) !== undefined ? search.range : undefined;
  return {
    ...(absolute ? { from, to } : range && range !== DEFAULT_RANGE ? { range } : {}),
    ...(typeof search.tenant === "string" && search.tenant !== "" ? { tenant: search.tenant } : {}),
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };

/** ms of "15m", "6h", "2d"; undefined for anything else and for less than 1 min or more than 31 days. */
export function rangeLength(text: string): number | undefined {
  const match = /^(\d{1,6})([smhdw])$/.exec(text);
  if (!match) return undefined;
  const ms = Number(match[1]) * UNIT_MS[match[2]];
  return ms >= MINUTE && ms <= 31 * DAY ? ms : undefined;
}

export interface TimeRange {
  /** Equal for equal ranges: part of query keys. */
  readonly key: string;
  /** "1h" for ranges that end now. */
  readonly range: string | undefined;
  readonly rangeMs: number;
  /** Ends now and moves on. */
  readonly live: boolean;
  /** The range's ends at this moment (ms). */
  window(): { readonly fromMs: number; readonly toMs: number };
}

export function timeRangeOf(state: UrlState): TimeRange {
  const { from, to } = state;
  if (from !== undefined && to !== undefined) {
    return {
      key: `${from}-${to}`,
      range: undefined,
      rangeMs: to - from,
      live: false,
      window: () => ({ fromMs: from, toMs: to }),
    };
  }
  const range = state.range ?? DEFAULT_RANGE;
  const rangeMs = rangeLength(range) ?? HOUR;
  return {
    key: range,
    range,
    rangeMs,
    live: true,
    window: () => {
      const toMs = Date.now();
      return { fromMs: toMs - rangeMs, toMs };
    },
  };
}

export function useUrlState(): UrlState {
  return useSearch({ strict: false }) as UrlState;
}

export function useTimeRange(): TimeRange {
  const { range, from, to } = useUrlState();
  return useMemo(() => timeRangeOf({ range, from, to }), [range, from, to]);
}

export interface UrlActions {
  setRange(range: string): void;
  setWindow(fromMs: number, toMs: number): void;
}

export function useUrlActions(): UrlActions {
  const navigate = useNavigate();
  return useMemo(() => {
    const change = (search: Partial<UrlState>) =>
      void navigate({ to: ".", search: ((old: Record<string, unknown>) => ({ ...old, ...search })) as never });
    return {
      setRange: (range) => change({ range, from: undefined, to: undefined }),
      setWindow: (fromMs, toMs) => change({ range: undefined, from: Math.round(fromMs), to: Math.round(toMs) }),
    };
  }, [navigate]);
}

/** "Last 1 h" or "14:02 – 15:10". */
export function rangeWords(range: TimeRange, t: (key: string, options?: Record<string, unknown>) => string): string {
  const language = currentLanguage();
  if (range.live) return t("range.last", { span: span(range.rangeMs, language) });
  const { fromMs, toMs } = range.window();
  return `${moment(fromMs, Date.now(), language)} – ${moment(toMs, fromMs, language)}`;
}
