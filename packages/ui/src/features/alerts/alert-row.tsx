import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Silence } from "../../api/alertmanager.ts";
import { Chips } from "../../design/blocks.tsx";
import { plainNumber } from "../../design/numbers.ts";
import { StateMark, severityState } from "../../design/state.tsx";
import { moment, span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { labelsText } from "../routing/label-text.ts";
import { AlertDeploys } from "./alert-deploys.tsx";
import type { AlertItem } from "./alert-list.ts";
import { tellSeen } from "./calm-api.ts";
import { isWebUrl } from "./deploy-list.ts";
import "./alerts.css";

interface AlertRowProps {
  readonly item: AlertItem;
  readonly showName: boolean;
  readonly silences: readonly Silence[];
  /** Told once as flapping, then again when it is calm. */
  readonly flapping?: boolean;
  readonly shopName: (id: string) => string;
  readonly onSilence?: (items: readonly AlertItem[]) => void;
}

/** One alert: its sentence; opened, its labels, expression, receivers and what can be done. */
export function AlertRow({ item, showName, silences, flapping, shopName, onSilence }: AlertRowProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const language = currentLanguage();
  const nowMs = Date.now();
  const summary = item.annotations.summary ?? item.annotations.description ?? item.name;
  const quiet = item.state === "silenced" || item.state === "inhibited";
  const state = quiet ? "silent" : item.state === "pending" ? "warn" : severityState(item.severity);
  const toggle = () => {
    if (!open && item.fingerprint) tellSeen(item.fingerprint, false);
    setOpen(!open);
  };
  return (
    <article className={`alert${open ? " alert-open" : ""}`}>
      <button type="button" className="alert-line" aria-expanded={open} onClick={toggle}>
        <ChevronRight size={15} className="alert-arrow" aria-hidden="true" />
        <StateMark state={state} word={t(`state.${item.state}`)} />
        <span className="alert-words">
          {showName && <b>{item.name}</b>}
          {flapping && <span className="tag">{t("calm.flappingTag")}</span>} <span>{summary}</span>
        </span>
        {item.tenant && <span className="alert-shop">{shopName(item.tenant)}</span>}
        <span className="alert-since">
          {moment(item.sinceMs, nowMs, language)}{" "}
          <span className="muted">· {span(nowMs - item.sinceMs, language)}</span>
        </span>
      </button>
      {open && (
        <div className="alert-more">
          {item.annotations.description && item.annotations.description !== summary && (
            <p>{item.annotations.description}</p>
          )}
          {item.silencedBy.map((id) => (
            <SilencedBy key={id} silence={silences.find((silence) => silence.id === id)} />
          ))}
          {item.state === "inhibited" && <p className="muted">{t("alerts.inhibitedBy")}</p>}
          <dl>
            <AlertDeploys item={item} shopName={shopName} />
            <dt>{t("alerts.labels")}</dt>
            <dd>
              <Chips labels={item.labels} />
            </dd>
            {item.value !== null && (
              <>
                <dt>{t("alerts.value")}</dt>
                <dd>{plainNumber(item.value)}</dd>
              </>
            )}
            {item.expression && (
              <>
                <dt>{t("alerts.expression")}</dt>
                <dd>
                  <code>{item.expression}</code>
                </dd>
              </>
            )}
            {item.receivers.length > 0 && (
              <>
                <dt>{t("alerts.receivers")}</dt>
                <dd>{item.receivers.join(", ")}</dd>
              </>
            )}
          </dl>
          <AlertActions item={item} onSilence={onSilence} />
        </div>
      )}
    </article>
  );
}

function SilencedBy({ silence }: { readonly silence: Silence | undefined }) {
  const { t } = useTranslation();
  if (!silence) return null;
  const time = moment(Date.parse(silence.endsAt), Date.now(), currentLanguage());
  return (
    <p className="state-silent">{t("alerts.silencedBy", { who: silence.createdBy, time, comment: silence.comment })}</p>
  );
}

function AlertActions({ item, onSilence }: Pick<AlertRowProps, "item" | "onSilence">) {
  const { t } = useTranslation();
  const runbook = item.annotations.runbook_url;
  return (
    <div className="row">
      {onSilence && item.state !== "silenced" && (
        <Button size="xs" variant="default" onClick={() => onSilence([item])}>
          {t("alerts.silence")}
        </Button>
      )}
      {item.expression && (
        <Link to="/explore" search={(old) => ({ ...old, expr: item.expression })}>
          {t("alerts.explore")}
        </Link>
      )}
      <Link to="/routing" search={(old) => ({ ...old, labels: labelsText(item.labels) })}>
        {t("routing.whoGets")}
      </Link>
      {item.tenant && (
        <Link to="/tenants/$id" params={{ id: item.tenant }}>
          {t("bar.shop")}: {item.tenant}
        </Link>
      )}
      {runbook && isWebUrl(runbook) && (
        <a
          href={runbook}
          target="_blank"
          rel="noreferrer"
          onClick={() => item.fingerprint && tellSeen(item.fingerprint, true)}
        >
          {t("alerts.runbook")}
        </a>
      )}
    </div>
  );
}
