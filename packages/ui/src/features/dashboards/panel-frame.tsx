import { ActionIcon, Menu, Skeleton, Tooltip } from "@mantine/core";
import { interpolateText, type VariableValues } from "@storewatch/model/dashboard";
import { Link } from "@tanstack/react-router";
import { Info, MoreVertical, TriangleAlert } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { TimeRange } from "../../app/url-state.ts";
import { problemWords } from "../../design/blocks.tsx";
import { CrashGuard } from "../../design/crash-guard.tsx";
import type { PlacedPanel } from "./grid.ts";
import type { PlannedTarget } from "./panel-query.ts";
import { BarGaugePanel } from "./panels/bar-gauge-panel.tsx";
import { GaugePanel } from "./panels/gauge-panel.tsx";
import { StatPanel } from "./panels/stat-panel.tsx";
import { TablePanel } from "./panels/table-panel.tsx";
import { TextPanel } from "./panels/text-panel.tsx";
import { TimeSeriesPanel } from "./panels/time-series-panel.tsx";
import { type PanelData, usePanelData } from "./use-panel.ts";
import { usePlace } from "./use-place.ts";

const DATA_PANELS = new Set(["timeseries", "stat", "gauge", "bargauge", "table"]);
/** px of the title line and the padding under the content. */
const HEAD = 30;
const FOOT = 10;

interface Props {
  readonly placed: PlacedPanel;
  readonly values: VariableValues;
  readonly range: TimeRange;
  readonly syncKey: string;
}

/** A panel on the grid: its title, its menu, and in it what its type draws. Asks for data only once it is in view. */
export function PanelFrame({ placed, values, range, syncKey }: Props) {
  const { panel, own } = placed;
  const { ref, width, height, seen } = usePlace();
  const all = useMemo(() => new Map([...values, ...own]), [values, own]);
  const { query, plan } = usePanelData(placed, values, range, width, seen && DATA_PANELS.has(panel.type));
  const title = interpolateText(panel.title, all);
  const inner = { width: Math.max(0, width - 24), height: Math.max(0, height - (title === "" ? 10 : HEAD) - FOOT) };
  return (
    <section
      ref={ref}
      className={`grid-panel${panel.transparent === true ? " grid-panel-bare" : ""}`}
      style={{ gridColumn: `${placed.x + 1} / span ${placed.w}`, gridRow: `${placed.y + 1} / span ${placed.h}` }}
      data-h={placed.h}
    >
      <PanelHead
        title={title}
        description={panel.description ? interpolateText(panel.description, all) : undefined}
        plan={plan}
        problems={query.data?.problems ?? []}
      />
      <div className="grid-panel-body">
        <CrashGuard>
          {panel.type === "text" ? (
            <TextPanel panel={panel} values={all} />
          ) : DATA_PANELS.has(panel.type) ? (
            <PanelContent
              {...props(query.data, inner)}
              placed={placed}
              error={query.isError ? query.error : undefined}
              asked={plan.length > 0}
              syncKey={syncKey}
            />
          ) : (
            <Unsupported type={panel.type} />
          )}
        </CrashGuard>
      </div>
    </section>
  );
}

const props = (data: PanelData | undefined, inner: { readonly width: number; readonly height: number }) => ({
  data,
  ...inner,
});

interface ContentProps {
  readonly placed: PlacedPanel;
  readonly data: PanelData | undefined;
  readonly error: unknown;
  readonly asked: boolean;
  readonly width: number;
  readonly height: number;
  readonly syncKey: string;
}

function PanelContent({ placed, data, error, asked, width, height, syncKey }: ContentProps) {
  const { t } = useTranslation();
  const { panel } = placed;
  if (error !== undefined && !data) {
    const words = problemWords(error, t);
    return <p className="panel-note state-crit">{words.why ?? words.title}</p>;
  }
  if (!asked) return <p className="panel-note">{t("dashboards.noSeries")}</p>;
  if (!data || height === 0) return <Skeleton height={Math.max(20, height)} />;
  if (data.frames.every((frame) => (frame.fields[0]?.values.length ?? 0) === 0))
    return <p className="panel-note">{t("dashboards.noData")}</p>;
  const common = { panel, data, width, height };
  switch (panel.type) {
    case "timeseries":
      return <TimeSeriesPanel {...common} syncKey={syncKey} />;
    case "stat":
      return <StatPanel {...common} />;
    case "gauge":
      return <GaugePanel {...common} />;
    case "bargauge":
      return <BarGaugePanel {...common} />;
    default:
      return <TablePanel {...common} />;
  }
}

function PanelHead({
  title,
  description,
  plan,
  problems,
}: {
  readonly title: string;
  readonly description: string | undefined;
  readonly plan: readonly PlannedTarget[];
  readonly problems: readonly unknown[];
}) {
  const { t } = useTranslation();
  return (
    <div className="grid-panel-head">
      <h3 title={title}>{title}</h3>
      {description && (
        <Tooltip label={description} multiline maw={340}>
          <Info size={13} className="muted" aria-label={description} />
        </Tooltip>
      )}
      {problems.length > 0 && (
        <Tooltip label={problemWords(problems[0], t).why ?? ""} multiline maw={340}>
          <TriangleAlert size={13} className="state-warn" aria-label={problemWords(problems[0], t).title} />
        </Tooltip>
      )}
      {plan.length > 0 && (
        <Menu position="bottom-end" width={260}>
          <Menu.Target>
            <ActionIcon
              variant="subtle"
              color="gray"
              size={20}
              className="grid-panel-menu"
              aria-label={t("dashboards.panelMenu")}
            >
              <MoreVertical size={14} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{t("dashboards.openExplore")}</Menu.Label>
            {plan.map((one) => (
              <Menu.Item
                key={one.target.refId}
                component={Link}
                to="/explore"
                search={
                  ((old: Record<string, unknown>) => ({
                    range: old.range,
                    from: old.from,
                    to: old.to,
                    expr: one.expression,
                  })) as never
                }
              >
                <code className="menu-query">{one.expression}</code>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </div>
  );
}

function Unsupported({ type }: { readonly type: string }) {
  const { t } = useTranslation();
  return (
    <p className="panel-note">
      {t("dashboards.unsupported", { type })} {t("dashboards.unsupportedHint")}
    </p>
  );
}
