import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { dashboardsQuery } from "../../api/queries.ts";
import { matchesSearch } from "../../app/search-text.ts";
import { Empty, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import "./dashboards.css";

const UPLOAD =
  "curl -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' -d @dashboard.json http://127.0.0.1:9700/api/dashboards/db";

export function DashboardsPage() {
  const { t } = useTranslation();
  const query = useQuery(dashboardsQuery);
  const [filter, setFilter] = useState("");
  return (
    <div className="stack">
      <header className="plain-head spread">
        <h1>{t("dashboards.title")}</h1>
        <TextInput
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
          placeholder={t("dashboards.filter")}
          aria-label={t("dashboards.filter")}
          leftSection={<Search size={15} />}
          w={280}
          maw="100%"
        />
      </header>
      <Loaded query={query} skeleton={<Lines count={6} height={18} />}>
        {(dashboards) => {
          if (dashboards.length === 0) {
            return (
              <Panel>
                <Empty title={t("dashboards.none")} why={t("dashboards.noneWhy")} command={UPLOAD} />
              </Panel>
            );
          }
          const shown = dashboards.filter((one) =>
            matchesSearch(filter, one.title, one.folderTitle ?? "", ...(one.tags ?? [])),
          );
          return (
            <Panel flush>
              {shown.length === 0 && <Empty title={t("dashboards.noneFound")} />}
              <ul className="dashboard-list">
                {shown.map((one) => (
                  <li key={one.uid}>
                    <Link to="/dashboards/$uid" params={{ uid: one.uid }}>
                      <span className="dashboard-name">{one.title}</span>
                      <span className="muted">{one.folderTitle}</span>
                      <span className="row">
                        {(one.tags ?? []).map((tag) => (
                          <span key={tag} className="tag">
                            {tag}
                          </span>
                        ))}
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
            </Panel>
          );
        }}
      </Loaded>
    </div>
  );
}
