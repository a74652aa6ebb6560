import { Skeleton } from "@mantine/core";
import { type Dashboard, interpolateText, normaliseDashboard, type Panel } from "@storewatch/model/dashboard";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { RequestError } from "../../api/http.ts";
import { readDashboard } from "../../api/storewatch.ts";
import { useTimeRange } from "../../app/url-state.ts";
import { Empty, Problem } from "../../design/blocks.tsx";
import { type Section, sectionsOf } from "./grid.ts";
import { PanelFrame } from "./panel-frame.tsx";
import { type ResolvedVariable, useVariables } from "./use-variables.ts";
import { VariablesBar } from "./variables-bar.tsx";
import "./dashboards.css";

export function DashboardPage() {
  const { t } = useTranslation();
  const { uid } = useParams({ from: "/dashboards/$uid" });
  const query = useQuery({
    queryKey: ["dashboard", uid],
    queryFn: async () => normaliseDashboard(await readDashboard(uid)),
    staleTime: 30_000,
  });
  if (query.data) return <DashboardBody key={uid} dashboard={query.data} />;
  if (query.error instanceof RequestError && query.error.status === 404) {
    return (
      <Empty title={t("problem.notFound")} why={query.error.message}>
        <Link to="/dashboards">{t("nav.dashboards")}</Link>
      </Empty>
    );
  }
  if (query.isError)
    return <Problem title={t("dashboards.cannotRead")} error={query.error} onRetry={() => void query.refetch()} />;
  return <DashboardSkeleton />;
}

function DashboardBody({ dashboard }: { readonly dashboard: Dashboard }) {
  const { t } = useTranslation();
  const range = useTimeRange();
  const { query, choose } = useVariables(dashboard, range);
  if (query.isError && !query.data)
    return <Problem title={t("problem.failed")} error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <DashboardSkeleton />;
  return <DashboardGrid dashboard={dashboard} variables={query.data} onChoose={choose} />;
}

interface GridProps {
  readonly dashboard: Dashboard;
  readonly variables: readonly ResolvedVariable[];
  readonly onChoose: (name: string, values: readonly string[]) => void;
}

function DashboardGrid({ dashboard, variables, onChoose }: GridProps) {
  const range = useTimeRange();
  const values = useMemo(() => new Map(variables.map((one) => [one.variable.name, one.value])), [variables]);
  const [toggled, setToggled] = useState<ReadonlySet<number>>(new Set());
  const sections = useMemo(() => sectionsOf(dashboard.panels, values, toggled), [dashboard, values, toggled]);
  const toggle = (row: Panel) => {
    const next = new Set(toggled);
    if (!next.delete(row.id)) next.add(row.id);
    setToggled(next);
  };
  return (
    <div className="stack dashboard">
      <header className="plain-head spread">
        <h1>{interpolateText(dashboard.title, values)}</h1>
        <span className="row">
          {dashboard.tags.map((tag) => (
            <span key={tag} className="tag">
              {tag}
            </span>
          ))}
        </span>
      </header>
      <VariablesBar variables={variables} onChoose={onChoose} />
      {sections.map((section) => (
        <div key={section.key}>
          {section.row && (
            <RowHead
              section={section}
              row={section.row}
              title={interpolateText(section.row.title, values)}
              onToggle={toggle}
            />
          )}
          {section.open && (
            <div className="grid">
              {section.panels.map((placed) => (
                <PanelFrame
                  key={placed.key}
                  placed={placed}
                  values={values}
                  range={range}
                  syncKey={`dashboard-${dashboard.uid}`}
                />
              ))}
            </div>
          )}
        </div>
      ))}
    </div>
  );
}

function RowHead({
  section,
  row,
  title,
  onToggle,
}: {
  readonly section: Section;
  readonly row: Panel;
  readonly title: string;
  readonly onToggle: (row: Panel) => void;
}) {
  const { t } = useTranslation();
  return (
    <button
      type="button"
      className={`grid-row${section.open ? " open" : ""}`}
      aria-expanded={section.open}
      onClick={() => onToggle(row)}
    >
      <ChevronRight size={15} aria-hidden="true" />
      <b>{title}</b>
      {!section.open && <span className="muted">{t("dashboards.panels", { count: section.panels.length })}</span>}
    </button>
  );
}

function DashboardSkeleton() {
  return (
    <div className="stack" aria-busy="true">
      <Skeleton height={26} width={280} />
      <div className="panels">
        {[1, 2, 3, 4, 5, 6].map((key) => (
          <Skeleton key={key} height={270} radius={8} />
        ))}
      </div>
    </div>
  );
}
