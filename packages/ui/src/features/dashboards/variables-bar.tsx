import { MultiSelect, Select } from "@mantine/core";
import { ALL_VALUE } from "@storewatch/model/dashboard";
import { useTranslation } from "react-i18next";
import type { ResolvedVariable } from "./use-variables.ts";

/** Types with nothing to choose: there is one data source, and constants are constant. */
const FIXED = new Set(["datasource", "constant", "adhoc", "groupby"]);

export function VariablesBar({
  variables,
  onChoose,
}: {
  readonly variables: readonly ResolvedVariable[];
  readonly onChoose: (name: string, values: readonly string[]) => void;
}) {
  const { t } = useTranslation();
  const shown = variables.filter(({ variable }) => variable.hide !== 2 && !FIXED.has(variable.type));
  if (shown.length === 0) return null;
  return (
    <div className="variables">
      {shown.map(({ variable, options, selected }) => {
        const data = [
          ...(variable.includeAll ? [{ value: ALL_VALUE, label: t("dashboards.all") }] : []),
          ...unique(options.map((option) => ({ value: option.value, label: option.text }))),
        ];
        const label = variable.hide === 1 ? undefined : variable.label || variable.name;
        const common = {
          label,
          data,
          searchable: true,
          size: "xs" as const,
          "aria-label": variable.label || variable.name,
          nothingFoundMessage: t("search.nothing"),
        };
        return variable.multi ? (
          <MultiSelect
            key={variable.name}
            {...common}
            value={[...selected]}
            onChange={(values) => onChoose(variable.name, withoutAll(values, selected))}
            className="variable variable-multi"
            clearable={false}
          />
        ) : (
          <Select
            key={variable.name}
            {...common}
            value={selected[0] ?? null}
            allowDeselect={false}
            onChange={(value) => value !== null && onChoose(variable.name, [value])}
            className="variable"
          />
        );
      })}
    </div>
  );
}

/** "All" and single values exclude each other: the newer choice wins. */
function withoutAll(values: readonly string[], before: readonly string[]): readonly string[] {
  if (values.length === 0) return [ALL_VALUE];
  if (before.includes(ALL_VALUE)) return values.filter((value) => value !== ALL_VALUE);
  return values.includes(ALL_VALUE) ? [ALL_VALUE] : values;
}

/** Select refuses the same value twice. */
function unique<T extends { value: string }>(options: readonly T[]): T[] {
  return [...new Map(options.map((option) => [option.value, option])).values()];
}
