import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { readDeploys } from "../../api/storewatch.ts";
import type { ChartMark } from "../../chart/types.ts";

const MINUTE = 60_000;

/** Deploy marks within a span. The span is rounded to minutes, so that a moving window does not ask every second. */
export function useDeployMarks(fromMs: number, toMs: number): readonly ChartMark[] {
  const [from, to] = [Math.floor(fromMs / MINUTE) * MINUTE, Math.ceil(toMs / MINUTE) * MINUTE];
  const query = useQuery({
    queryKey: ["annotations", "deploys", from, to],
    queryFn: () => readDeploys(from, to),
    retry: false,
    placeholderData: (old) => old,
  });
  return useMemo(
    () => (query.data ?? []).map((note) => ({ timeMs: note.time, kind: "deploy" as const, label: note.text })),
    [query.data],
  );
}
