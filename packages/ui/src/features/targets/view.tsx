import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Target } from "../../api/prometheus.ts";
import { targetsQuery } from "../../api/queries.ts";
import { Chips, Empty, Headline, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import { duration } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { lastScrapeMs, poolsOf } from "./pools.ts";
import "./targets.css";

export function TargetsPage() {
  const { t } = useTranslation();
  const query = useQuery(targetsQuery);
  return (
    <Loaded query={query} skeleton={<Lines count={8} height={16} />}>
      {(targets) => {
        if (targets.length === 0)
          return (
            <Empty title={t("targets.none")} why={t("targets.noneWhy")} command="npx storewatch check prometheus.yml" />
          );
        const down = targets.filter((target) => target.health === "down").length;
        const text =
          down === 0
            ? t("targets.headlineUp", { count: targets.length })
            : t("targets.headlineDown", { count: down, total: targets.length });
        return (
          <div className="stack">
            <Headline state={down === 0 ? "ok" : "crit"}>{text}</Headline>
            {poolsOf(targets).map((pool) => (
              <Panel key={pool.name} title={pool.name} aside={t("targets.pool", { count: pool.targets.length })} flush>
                {pool.targets.map((target) => (
                  <TargetRow key={`${target.scrapeUrl} ${JSON.stringify(target.labels)}`} target={target} />
                ))}
              </Panel>
            ))}
          </div>
        );
      }}
    </Loaded>
  );
}

function TargetRow({ target }: { readonly target: Target }) {
  const { t } = useTranslation();
  const scrapedMs = lastScrapeMs(target);
  const state = target.health === "up" ? "ok" : target.health === "down" ? "crit" : "unknown";
  const word = target.health === "unknown" ? t("state.unknown") : t(`state.${target.health}`);
  return (
    <div className="target">
      <StateMark state={state} word={word} />
      <div className="target-what">
        <code className="target-url">{target.scrapeUrl}</code>
        {target.lastError !== "" && <p className="state-crit target-error">{target.lastError}</p>}
        <Chips labels={target.labels} />
      </div>
      <div className="target-times">
        <span>
          {scrapedMs === null
            ? t("targets.never")
            : t("common.ago", { span: span(Date.now() - scrapedMs, currentLanguage()) })}
        </span>
        <span className="muted">
          {duration(target.lastScrapeDuration)}
          {target.scrapeInterval && ` · ${t("targets.every", { span: target.scrapeInterval })}`}
        </span>
      </div>
    </div>
  );
}
