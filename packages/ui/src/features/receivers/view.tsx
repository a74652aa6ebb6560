import { Button } from "@mantine/core";
import type { ReceiverIntegrationView, ReceiverTestResult, ReceiverView } from "@storewatch/model/api";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useMayEditRules } from "../../app/rights.ts";
import { SectionTabs } from "../../app/section-tabs.tsx";
import { Empty, Headline, Lines, Loaded, Panel, Problem } from "../../design/blocks.tsx";
import { count, duration } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { moment, span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { healthState, summariseReceivers } from "./health.ts";
import { receiversQuery, testReceiver } from "./receivers-api.ts";
import "./receivers.css";

/** Who can be told, and whether telling them works. */
export function ReceiversPage() {
  const query = useQuery(receiversQuery);
  return (
    <div className="stack">
      <SectionTabs section="/notifications" />
      <Loaded query={query} skeleton={<Lines count={8} height={18} />}>
        {(receivers) => (
          <>
            <ReceiversHeadline list={receivers} />
            {receivers.map((receiver) => (
              <ReceiverPanel key={receiver.name} receiver={receiver} />
            ))}
          </>
        )}
      </Loaded>
    </div>
  );
}

function ReceiversHeadline({ list }: { readonly list: readonly ReceiverView[] }) {
  const { t } = useTranslation();
  const { receivers, failing, waiting, undelivered } = summariseReceivers(list);
  if (list.length === 0) return <Empty title={t("receivers.none")} why={t("receivers.noneWhy")} />;
  return (
    <Headline
      state={failing.length > 0 ? "crit" : undelivered.length > 0 ? "warn" : "ok"}
      detail={waiting > 0 ? t("receivers.waiting", { count: waiting }) : undefined}
    >
      {failing.length > 0
        ? t("receivers.headlineFailing", { count: failing.length, names: failing.slice(0, 3).join(", ") })
        : undelivered.length > 0
          ? t("receivers.headlineUndelivered", { names: undelivered.slice(0, 3).join(", ") })
          : t("receivers.headline", { count: receivers })}
    </Headline>
  );
}

function useTest(name: string, integration?: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => testReceiver(name, integration),
    onSettled: () => void client.invalidateQueries({ queryKey: ["notifications"] }),
  });
}

function ReceiverPanel({ receiver }: { readonly receiver: ReceiverView }) {
  const { t } = useTranslation();
  const mayTest = useMayEditRules();
  const test = useTest(receiver.name);
  const testable = receiver.integrations.some((one) => one.health !== "unsupported");
  return (
    <div id={receiver.name} className="anchor">
      <Panel
        flush
        title={receiver.name}
        aside={
          <>
            <Link to="/notifications" search={(old) => ({ ...old, receiver: receiver.name })}>
              {t("receivers.sent")}
            </Link>
            {mayTest && testable && (
              <Button
                size="compact-sm"
                variant="default"
                leftSection={<Send size={13} />}
                loading={test.isPending}
                onClick={() => test.mutate()}
              >
                {t("receivers.test")}
              </Button>
            )}
          </>
        }
      >
        {receiver.integrations.length === 0 && <p className="receiver-none muted">{t("receivers.nobody")}</p>}
        {receiver.integrations.map((one) => (
          <IntegrationRow key={one.integration} one={one} />
        ))}
        {test.isError && <Problem title={t("receivers.testFailed")} error={test.error} />}
        {test.data && <TestResults results={test.data} />}
      </Panel>
    </div>
  );
}

function IntegrationRow({ one }: { readonly one: ReceiverIntegrationView }) {
  const { t } = useTranslation();
  return (
    <div className="receiver">
      <StateMark state={healthState(one)} word={t(`receivers.health.${one.health}`)} />
      <div className="receiver-what">
        <span>
          <b>{one.integration}</b> <code>{one.target}</code>
        </span>
        <Breaker one={one} />
        {one.lastFailure && (
          <p className={one.health === "failing" ? "state-crit receiver-reason" : "muted receiver-reason"}>
            {t("receivers.lastFailure", { time: ago(one.lastFailure.atMs, t) })}: {one.lastFailure.reason}
          </p>
        )}
        {!one.sendResolved && <p className="muted">{t("receivers.noResolved")}</p>}
      </div>
      <div className="receiver-numbers">
        <span>
          {one.lastSuccess
            ? t("receivers.lastSuccess", { time: ago(one.lastSuccess.atMs, t) })
            : t("receivers.noSuccess")}
        </span>
        <span className="muted">
          {t("receivers.counts", { delivered: count(one.counts.delivered), failed: count(one.counts.failed) })}
          {one.counts.retried > 0 && ` · ${t("receivers.retried", { number: count(one.counts.retried) })}`}
        </span>
      </div>
    </div>
  );
}

type Translate = (key: string, options?: Record<string, unknown>) => string;
const ago = (ms: number, t: Translate): string => t("common.ago", { span: span(Date.now() - ms, currentLanguage()) });

/** Says so only when it holds something back. */
function Breaker({ one }: { readonly one: ReceiverIntegrationView }) {
  const { t } = useTranslation();
  const { breaker, counts } = one;
  if (breaker.state === "closed") return null;
  const retry = breaker.retryAtMs && moment(breaker.retryAtMs, Date.now(), currentLanguage(), true);
  return (
    <p className="state-crit receiver-reason">
      {t(breaker.state === "open" ? "receivers.open" : "receivers.halfOpen", { count: breaker.failuresInARow })}
      {retry && breaker.state === "open" && ` ${t("receivers.retryAt", { time: retry })}`}
      {counts.waiting > 0 && ` ${t("receivers.waiting", { count: counts.waiting })}`}
    </p>
  );
}

function TestResults({ results }: { readonly results: ReceiverTestResult["results"] }) {
  const { t } = useTranslation();
  return (
    <div className="test-results" aria-live="polite">
      {results.map((one) => (
        <div key={one.integration} className="test-result">
          <p className="row">
            <StateMark
              state={one.outcome === "delivered" ? "ok" : "crit"}
              word={t(one.outcome === "delivered" ? "receivers.testDelivered" : "receivers.testNot", {
                integration: one.integration,
              })}
            />
            <span className="muted">{duration(one.durationMs / 1000)}</span>
            <Link to="/notifications" search={(old) => ({ ...old, id: one.notificationId })}>
              {t("receivers.seeSent")}
            </Link>
          </p>
          {one.reason && <p className="state-crit">{one.reason}</p>}
          {one.answer && <pre className="body">{one.answer}</pre>}
        </div>
      ))}
    </div>
  );
}
