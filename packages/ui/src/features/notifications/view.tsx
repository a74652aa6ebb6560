import { SegmentedControl } from "@mantine/core";
import type { NotificationView } from "@storewatch/model/api";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { notificationsQuery, sessionQuery } from "../../api/queries.ts";
import { useUrlState } from "../../app/url-state.ts";
import { Chips, Empty, Headline, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import { duration } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { ofTenant, readableBody, summariseDeliveries } from "./delivery.ts";
import { Inbox } from "./inbox.tsx";
import "./notifications.css";

export function NotificationsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const session = useQuery(sessionQuery).data;
  const { tab } = useSearch({ from: "/notifications" });
  const query = useQuery(notificationsQuery);
  const { tenant } = useUrlState();
  const list = query.data && ofTenant(query.data, tenant);
  const inbox = session?.demo === true && tab === "inbox";
  return (
    <div className="stack">
      <DeliveryHeadline list={list ?? []} />
      {session?.demo && (
        <SegmentedControl
          style={{ alignSelf: "flex-start" }}
          value={inbox ? "inbox" : "sent"}
          onChange={(value) =>
            void navigate({
              to: "/notifications",
              search: (old) => ({ ...old, tab: value === "inbox" ? "inbox" : undefined, id: undefined }),
            })
          }
          data={[
            { value: "sent", label: t("notifications.sent") },
            { value: "inbox", label: t("notifications.inbox") },
          ]}
        />
      )}
      {inbox ? (
        <Inbox />
      ) : (
        <Loaded query={query} skeleton={<Lines count={8} height={16} />}>
          {() => <Sent list={list ?? []} demo={session?.demo === true} />}
        </Loaded>
      )}
    </div>
  );
}

function DeliveryHeadline({ list }: { readonly list: readonly NotificationView[] }) {
  const { t } = useTranslation();
  const { count, failed, medianLatencyMs } = summariseDeliveries(list);
  if (count === 0) return <Headline state="unknown">{t("notifications.none")}</Headline>;
  const detail =
    medianLatencyMs === null ? undefined : t("notifications.median", { time: duration(medianLatencyMs / 1000) });
  return (
    <Headline state={failed > 0 ? "crit" : "ok"} detail={detail}>
      {failed > 0 ? t("notifications.headline", { count, failed }) : t("notifications.allDelivered", { count })}
    </Headline>
  );
}

const OUTCOME_STATE = { delivered: "ok", retrying: "warn", failed: "crit" } as const;

function Sent({ list, demo }: { readonly list: readonly NotificationView[]; readonly demo: boolean }) {
  const { t } = useTranslation();
  const { id } = useSearch({ from: "/notifications" });
  if (list.length === 0) {
    return (
      <Panel>
        <Empty
          title={t("notifications.none")}
          why={t(demo ? "notifications.noneStep" : "notifications.noneWhy")}
          command={demo ? "npm run fault -- error-burst --tenant acme" : undefined}
        />
      </Panel>
    );
  }
  const chosen = list.find((one) => one.id === id);
  return (
    <div className={`mail${chosen ? " mail-open" : ""}`}>
      <Panel flush className="mail-list">
        {list.map((one) => (
          <SentRow key={one.id} one={one} active={one.id === id} />
        ))}
      </Panel>
      <Panel className="mail-read">
        {chosen ? <SentContent one={chosen} /> : <Empty title={t("notifications.choose")} />}
      </Panel>
    </div>
  );
}

function useChoose(): (id: string | undefined) => void {
  const navigate = useNavigate();
  return (id) => void navigate({ to: "/notifications", search: (old) => ({ ...old, id }) });
}

function SentRow({ one, active }: { readonly one: NotificationView; readonly active: boolean }) {
  const { t } = useTranslation();
  const choose = useChoose();
  return (
    <button type="button" className={`mail-row${active ? " active" : ""}`} onClick={() => choose(one.id)}>
      <StateMark state={OUTCOME_STATE[one.outcome]} />
      <span className="mail-subject">
        {one.status === "resolved" && <span className="tag">{t("state.resolved")}</span>}{" "}
        {one.subject || one.groupLabels.alertname || one.groupKey}
      </span>
      <span className="mail-time">{moment(one.atMs, Date.now(), currentLanguage(), true)}</span>
      <span className="mail-second">
        {t(`notifications.${one.outcome}`)} · {one.receiver} · {one.integration}
        {one.tenants.length > 0 && ` · ${one.tenants.join(", ")}`}
      </span>
      <span className="mail-latency">{one.latencyMs === null ? "" : duration(one.latencyMs / 1000)}</span>
    </button>
  );
}

function SentContent({ one }: { readonly one: NotificationView }) {
  const { t } = useTranslation();
  const choose = useChoose();
  const facts: Array<[string, string]> = [
    [t("notifications.receiver"), `${one.receiver} · ${one.integration}`],
    [t("notifications.to"), one.target],
    [t("notifications.answer"), one.answer || "–"],
  ];
  return (
    <article className="mail-content">
      <button type="button" className="link-button phone-only" onClick={() => choose(undefined)}>
        ← {t("notifications.sent")}
      </button>
      <h2>{one.subject || one.groupLabels.alertname || one.groupKey}</h2>
      <p className="row">
        <StateMark state={OUTCOME_STATE[one.outcome]} word={t(`notifications.${one.outcome}`)} />
        <span className="muted">
          {moment(one.atMs, Date.now(), currentLanguage(), true)} ·{" "}
          {t("notifications.attempts", { count: one.attempts })}
          {one.latencyMs !== null && ` · ${t("notifications.latency", { time: duration(one.latencyMs / 1000) })}`}
        </span>
      </p>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div>
          <dt>{t("notifications.alertsIn")}</dt>
          <dd className="fact-alerts">
            {one.alerts.map((alert) => (
              <span key={alert.fingerprint} className="row">
                <StateMark state={alert.status === "resolved" ? "ok" : "crit"} />
                <Chips labels={alert.labels} />
              </span>
            ))}
          </dd>
        </div>
      </dl>
      <pre className="body">{readableBody(one.body)}</pre>
    </article>
  );
}
