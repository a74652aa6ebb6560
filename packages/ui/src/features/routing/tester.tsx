import { Button, Menu, Textarea } from "@mantine/core";
import type { RoutingStep, RoutingTestResult, RoutingTree } from "@storewatch/model/api";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { routedAlertsQuery } from "../../api/queries.ts";
import { Chips, Panel, Problem } from "../../design/blocks.tsx";
import { duration } from "../../design/numbers.ts";
import { StateMark, type StateName } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { labelsText, readLabels } from "./label-text.ts";
import { outcomes } from "./tree-rows.ts";

interface TesterProps {
  /** From the URL. */
  readonly text: string;
  readonly bad: string | undefined;
  readonly test: UseQueryResult<RoutingTestResult>;
  readonly tree: RoutingTree;
}

const EXAMPLE = "alertname=HighErrorRate, severity=critical, tenant_id=acme";

/** Labels in, the answer out: who gets it, when, and what holds it back. */
export function Tester({ text, bad, test }: TesterProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [draft, setDraft] = useState(text);
  const [shown, setShown] = useState(text);
  // Links and the back button change the URL: the field follows.
  if (shown !== text) {
    setShown(text);
    setDraft(text);
  }
  const go = (labels: string) =>
    void navigate({ to: "/routing", search: (old) => ({ ...old, labels: labels.trim() || undefined }) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    go(draft);
  };
  const draftBad = draft === text ? bad : readLabels(draft).bad;
  return (
    <Panel title={t("routing.whoGets")} aside={<AlertMenu onPick={go} />} className="tester">
      <form onSubmit={submit} className="tester-form">
        <Textarea
          aria-label={t("alerts.labels")}
          description={t("routing.labelsHint")}
          placeholder={EXAMPLE}
          autosize
          minRows={2}
          maxRows={8}
          value={draft}
          error={draftBad === undefined ? undefined : t("routing.badLabel", { text: draftBad })}
          classNames={{ input: "code-input" }}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) go(draft);
          }}
        />
        <div className="row">
          <Button type="submit" disabled={draftBad !== undefined || draft.trim() === ""} loading={test.isFetching}>
            {t("routing.test")}
          </Button>
          {draft.trim() === "" && (
            <Button variant="default" onClick={() => go(EXAMPLE)}>
              {t("routing.example")}
            </Button>
          )}
          {text !== "" && (
            <Button variant="default" onClick={() => go("")}>
              {t("explore.clear")}
            </Button>
          )}
        </div>
      </form>
      {test.isError && <Problem error={test.error} />}
      {test.data && text !== "" && <TestAnswer result={test.data} />}
    </Panel>
  );
}

/** Alerts offered to test with. */
const ALERTS_SHOWN = 20;

function AlertMenu({ onPick }: { readonly onPick: (labels: string) => void }) {
  const { t } = useTranslation();
  const alerts = useQuery(routedAlertsQuery).data ?? [];
  if (alerts.length === 0) return null;
  return (
    <Menu position="bottom-end" width={320}>
      <Menu.Target>
        <button type="button" className="link-button">
          {t("routing.fromAlert")}
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={400} style={{ overflowY: "auto" }}>
        {alerts.slice(0, ALERTS_SHOWN).map((alert) => (
          <Menu.Item key={alert.fingerprint} onClick={() => onPick(labelsText(alert.labels))}>
            {alert.labels.alertname}{" "}
            <span className="muted">
              {[alert.labels.severity, alert.labels.tenant_id, alert.labels.instance].filter(Boolean).join(" · ")}
            </span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

const OUTCOME_STATE: Readonly<Record<RoutingStep["outcome"], StateName>> = {
  told: "ok",
  silenced: "silent",
  inhibited: "silent",
  muted: "silent",
  nobody: "warn",
};

function TestAnswer({ result }: { readonly result: RoutingTestResult }) {
  const { t } = useTranslation();
  const { told, held } = outcomes(result.receivers);
  const first = told.length > 0 ? "told" : (held[0]?.outcome ?? "nobody");
  return (
    <div className="test-answer" aria-live="polite">
      <p className="test-words">
        <StateMark state={OUTCOME_STATE[first]} size={14} />
        <strong>
          {told.length > 0 ? t("routing.told", { names: told.join(", ") }) : t(`routing.outcome.${first}`)}
        </strong>
      </p>
      {result.silencedBy.map((silence) => (
        <p key={silence.id} className="state-silent">
          {t("alerts.silencedBy", {
            who: silence.createdBy,
            time: moment(silence.endsAtMs, result.atMs, currentLanguage()),
            comment: silence.comment,
          })}
        </p>
      ))}
      {result.inhibitedBy.map((alert) => (
        <p key={alert.fingerprint} className="row">
          <span className="state-silent">{t("alerts.inhibitedBy")}:</span> <Chips labels={alert.labels} />
        </p>
      ))}
      <ol className="test-steps">
        {result.receivers.map((step) => (
          <TestStep key={`${step.id} ${step.receiver}`} step={step} />
        ))}
      </ol>
    </div>
  );
}

function TestStep({ step }: { readonly step: RoutingStep }) {
  const { t } = useTranslation();
  return (
    <li>
      <p className="row">
        <StateMark state={OUTCOME_STATE[step.outcome]} />
        <b>{step.receiver}</b>
        <span className="muted">
          {step.integrations.length > 0 ? step.integrations.join(", ") : t("routing.noIntegration")}
        </span>
        {step.outcome !== "told" && <span className="tag">{t(`routing.outcomeTag.${step.outcome}`)}</span>}
      </p>
      <p className="muted">
        {step.groupAlerts === null ? t("routing.newGroup") : t("routing.inGroup", { count: step.groupAlerts })}{" "}
        <Chips labels={step.groupLabels} />
      </p>
      <p className="muted">
        {t("routing.times", {
          wait: duration(step.groupWaitMs / 1000),
          interval: duration(step.groupIntervalMs / 1000),
          repeat: duration(step.repeatIntervalMs / 1000),
        })}
        {step.mutedBy.length > 0 && ` · ${t("routing.mutedBy", { names: step.mutedBy.join(", ") })}`}
      </p>
    </li>
  );
}
