import {
  chooseValue,
  customOptions,
  type Dashboard,
  interpolateExpression,
  macroValues,
  parseVariableQuery,
  refineOptions,
  seriesName,
  type Variable,
  type VariableOption,
  type VariableValue,
} from "@storewatch/model/dashboard";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { labelNames, labelValues, queryInstant, seriesOf } from "../../api/prometheus.ts";
import { type TimeRange, useUrlState } from "../../app/url-state.ts";
import { patternMatcher } from "./patterns.ts";

export interface ResolvedVariable {
  readonly variable: Variable;
  readonly options: readonly VariableOption[];
  readonly selected: readonly string[];
  readonly value: VariableValue;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

type Chosen = Readonly<Record<string, readonly string[] | undefined>>;

/** The dashboard's variables with their options, resolved in order: one may stand in the query of a later one. */
export function useVariables(dashboard: Dashboard, range: TimeRange) {
  const search = useSearch({ strict: false }) as Readonly<Record<string, unknown>>;
  const { tenant } = useUrlState();
  const navigate = useNavigate();
  const list = dashboard.templating.list;
  const chosen = chosenValues(list, search, tenant);
  const query = useQuery({
    queryKey: ["variables", dashboard.uid, range.key, chosen, list.map((variable) => [variable.name, variable.query])],
    queryFn: () => resolveAll(list, chosen, range.window()),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
  const choose = (name: string, values: readonly string[]) =>
    void navigate({
      to: ".",
      search: ((old: Record<string, unknown>) => ({
        ...old,
        [`var-${name}`]: values.length === 1 ? values[0] : values,
      })) as never,
    });
  return { query, choose };
}

/** From the URL; a shop chosen in the top bar fills the dashboard's own shop variable. */
export function chosenValues(
  list: readonly Variable[],
  search: Readonly<Record<string, unknown>>,
  tenant: string | undefined,
): Chosen {
  return Object.fromEntries(
    list.map(({ name }) => {
      const value = search[`var-${name}`];
      const given = Array.isArray(value)
        ? value.map(String)
        : value === undefined || value === ""
          ? undefined
          : [String(value)];
      const shop = tenant !== undefined && /^(tenant|tenant_id|shop)$/.test(name) ? [tenant] : undefined;
      return [name, given ?? shop];
    }),
  );
}

async function resolveAll(list: readonly Variable[], chosen: Chosen, span: Span): Promise<ResolvedVariable[]> {
  const values = new Map<string, VariableValue>(macroValues({ ...span, intervalMs: 60_000, scrapeIntervalMs: 15_000 }));
  const resolved: ResolvedVariable[] = [];
  for (const variable of list) {
    const options = await optionsOf(variable, values, span);
    const { selected, value } = chooseValue(variable, options, chosen[variable.name]);
    values.set(variable.name, value);
    resolved.push({ variable, options, selected, value });
  }
  return resolved;
}

async function optionsOf(
  variable: Variable,
  values: ReadonlyMap<string, VariableValue>,
  span: Span,
): Promise<VariableOption[]> {
  switch (variable.type) {
    case "query":
      return refineOptions(await askOptions(interpolateExpression(variable.query, values), span), variable);
    case "custom":
      return customOptions(variable.query);
    case "interval":
      return customOptions(variable.query).filter((option) => option.value !== "auto");
    case "datasource":
      return [{ text: "Storewatch", value: "storewatch" }];
    default: {
      // constant and textbox: the stored choice, else the text itself.
      const stored = variable.current ? [variable.current.value].flat()[0] : undefined;
      const value = stored || variable.query;
      return value === "" ? [] : [{ text: value, value }];
    }
  }
}

async function askOptions(query: string, { fromMs, toMs }: Span): Promise<readonly string[]> {
  const parsed = parseVariableQuery(query);
  switch (parsed?.kind) {
    case "label-values":
      return labelValues(parsed.label, parsed.selector, fromMs, toMs);
    case "label-names":
      return labelNames(fromMs, toMs);
    case "metrics":
      return (await labelValues("__name__", undefined, fromMs, toMs)).filter(patternMatcher(parsed.pattern));
    case "query-result": {
      const { samples } = await queryInstant(parsed.expression, toMs);
      return samples.map((sample) => `${seriesName(sample.labels)} ${sample.value} ${sample.timeMs}`);
    }
    case "series":
      return (await seriesOf(parsed.selector, fromMs, toMs)).map(seriesName);
    default:
      return [];
  }
}
