import { niceInterval } from "@storewatch/model/dashboard";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { queryInstant, queryRange } from "../../api/prometheus.ts";
import { type TimeRange, useTimeRange } from "../../app/url-state.ts";
import { remember } from "./result.ts";

const STORED = "storewatch.history";
const POINTS = 400;

export type ExploreView = "both" | "chart" | "table";

export function useExplore() {
  const search = useSearch({ from: "/explore" });
  const navigate = useNavigate();
  const range = useTimeRange();
  const [draft, setDraft] = useState(search.expr ?? "");
  const [history, setHistory] = useState<readonly string[]>(readHistory);
  const [shownExpr, setShownExpr] = useState(search.expr);
  // Back and forward change the URL's query: the editor follows.
  if (shownExpr !== search.expr) {
    setShownExpr(search.expr);
    setDraft(search.expr ?? "");
  }
  const view: ExploreView = search.view === "chart" || search.view === "table" ? search.view : "both";
  const results = useResults(search.expr, range);
  return {
    expression: search.expr,
    draft,
    setDraft,
    view,
    history,
    range,
    results,
    run(text: string) {
      const expression = text.trim();
      if (expression === "") return;
      const next = remember(history, expression);
      setHistory(next);
      writeHistory(next);
      setDraft(expression);
      if (expression === search.expr) void Promise.all([results.chart.refetch(), results.table.refetch()]);
      else void navigate({ to: "/explore", search: (old) => ({ ...old, expr: expression }) });
    },
    setView(next: string) {
      void navigate({
        to: "/explore",
        search: (old) => ({ ...old, view: next === "both" ? undefined : next }),
        replace: true,
      });
    },
    clearHistory() {
      setHistory([]);
      writeHistory([]);
    },
  };
}

function useResults(expression: string | undefined, range: TimeRange) {
  const stepMs = niceInterval(range.rangeMs, POINTS, 1000);
  const common = { enabled: expression !== undefined, placeholderData: keepPreviousData, retry: false } as const;
  const chart = useQuery({
    ...common,
    queryKey: ["samples", "explore", "range", expression, range.key, stepMs],
    queryFn: async ({ signal }) => {
      const { fromMs, toMs } = range.window();
      const startedMs = performance.now();
      const result = await queryRange(expression ?? "", fromMs, toMs, stepMs, signal);
      return { result, tookMs: performance.now() - startedMs };
    },
  });
  const table = useQuery({
    ...common,
    queryKey: ["samples", "explore", "instant", expression, range.key],
    queryFn: ({ signal }) => queryInstant(expression ?? "", range.window().toMs, signal),
  });
  return { chart, table, stepMs };
}

function readHistory(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    return Array.isArray(stored) ? stored.filter((item) => typeof item === "string") : [];
  } catch {
    return [];
  }
}

function writeHistory(history: readonly string[]): void {
  try {
    localStorage.setItem(STORED, JSON.stringify(history));
  } catch {
    // Storage may be full or blocked: the history then lasts as long as the page.
  }
}
