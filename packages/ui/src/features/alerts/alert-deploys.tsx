import type { AlertDeploy } from "@storewatch/model/api";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { problemWords } from "../../design/blocks.tsx";
import { moment, span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import type { AlertItem } from "./alert-list.ts";
import { DeployFacts } from "./deploy-facts.tsx";
import { alertDeploysQuery } from "./deploy-list.ts";

interface AlertDeploysProps {
  readonly item: AlertItem;
  readonly shopName: (id: string) => string;
}

/** What changed before the alert: deploys of its service and shop; those of others behind a line to open. */
export function AlertDeploys({ item, shopName }: AlertDeploysProps) {
  const { t } = useTranslation();
  // One from outside that says only when it ends counts as beginning then, as with Alertmanager: in the future.
  const startMs = useMemo(() => Math.min(item.sinceMs, Date.now()), [item.sinceMs]);
  const { data, error } = useQuery(alertDeploysQuery(startMs, item.labels));
  const related = data?.filter((deploy) => deploy.related) ?? [];
  const others = data?.filter((deploy) => !deploy.related) ?? [];
  const list = (deploys: readonly AlertDeploy[]) => (
    <ul className="deploys">
      {deploys.map((deploy) => (
        <DeployLine key={deploy.id} deploy={deploy} startMs={startMs} shopName={shopName} />
      ))}
    </ul>
  );
  return (
    <>
      <dt>{t("deploys.title")}</dt>
      <dd>
        {!data && <span className="muted">{error ? problemWords(error, t).title : "…"}</span>}
        {data && related.length === 0 && (
          <span className="muted">{t(others.length > 0 ? "deploys.noneOfThese" : "deploys.none")}</span>
        )}
        {related.length > 0 && list(related)}
        {others.length > 0 && (
          <details className="deploys-others">
            <summary>{t("deploys.others", { count: others.length })}</summary>
            {list(others)}
          </details>
        )}
      </dd>
    </>
  );
}

interface DeployLineProps {
  readonly deploy: AlertDeploy;
  readonly startMs: number;
  readonly shopName: (id: string) => string;
}

function DeployLine({ deploy, startMs, shopName }: DeployLineProps) {
  const { t } = useTranslation();
  const { time, service, version, environment, tenant, message, commit, link } = deploy;
  const language = currentLanguage();
  const distance = span(Math.abs(startMs - time), language);
  const what = service && version ? `${service} ${version}` : deploy.text;
  return (
    <li>
      <span className="deploy-when" title={moment(time, Date.now(), language, true)}>
        {t(time > startMs ? "deploys.after" : "deploys.before", { span: distance })}
      </span>
      <b>{what}</b>
      {environment && <span className="muted">{environment}</span>}
      {tenant && <span className="muted">{t("deploys.only", { shop: shopName(tenant) })}</span>}
      <DeployFacts commit={commit} link={link} />
      {message && <span className="deploy-message">{message}</span>}
    </li>
  );
}
