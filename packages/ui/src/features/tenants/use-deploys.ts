import type { Annotation } from "@storewatch/model/api";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { readDeploys } from "../../api/storewatch.ts";
import type { ChartMark } from "../../chart/types.ts";

const MINUTE = 60_000;

/** Deploys within a span, newest first. The span is rounded to minutes, so that a moving window does not ask every second. */
function useDeploys(fromMs: number, toMs: number): readonly Annotation[] | undefined {
  const [from, to] = [Math.floor(fromMs / MINUTE) * MINUTE, Math.ceil(toMs / MINUTE) * MINUTE];
  const query = useQuery({
    queryKey: ["annotations", "deploys", from, to],
    queryFn: () => readDeploys(from, to),
    retry: false,
    placeholderData: (old) => old,
  });
  return query.data;
}

export function useDeployMarks(fromMs: number, toMs: number): readonly ChartMark[] {
  const deploys = useDeploys(fromMs, toMs);
  return useMemo(() => (deploys ?? []).map(markOf), [deploys]);
}

/** Those that went to this shop: its own and those for everyone. */
export function useShopDeploys(
  shop: string,
  fromMs: number,
  toMs: number,
): { readonly deploys: readonly Annotation[]; readonly marks: readonly ChartMark[] } {
  const all = useDeploys(fromMs, toMs);
  return useMemo(() => {
    const deploys = (all ?? []).filter(({ tenant }) => tenant === undefined || tenant === shop);
    return { deploys, marks: deploys.map(markOf) };
  }, [all, shop]);
}

const markOf = ({ time, text }: Annotation): ChartMark => ({ timeMs: time, kind: "deploy", label: text });
