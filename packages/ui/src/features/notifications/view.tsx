import { Button, SegmentedControl, Select } from "@mantine/core";
import type { NotificationView } from "@storewatch/model/api";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { notificationsQuery, sessionQuery } from "../../api/queries.ts";
import { SectionTabs } from "../../app/section-tabs.tsx";
import { useUrlState } from "../../app/url-state.ts";
import { Chips, Empty, Headline, Lines, Panel, Problem } from "../../design/blocks.tsx";
import { duration } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { filterDeliveries, OUTCOMES, readableBody, summariseDeliveries } from "./delivery.ts";
import { Inbox } from "./inbox.tsx";
import "./notifications.css";

export function NotificationsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const session = useQuery(sessionQuery).data;
  const { tab, receiver, outcome } = useSearch({ from: "/notifications" });
  const query = useInfiniteQuery(notificationsQuery);
  const { tenant } = useUrlState();
  const all = query.data?.pages.flat() ?? [];
  const list = filterDeliveries(all, { tenant, receiver, outcome });
  const inbox = session?.demo === true && tab === "inbox";
  return (
    <div className="stack">
      <SectionTabs section="/notifications" />
      <DeliveryHeadline list={list} />
      <div className="row">
        {session?.demo && (
          <SegmentedControl
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
        {!inbox && <DeliveryFilters all={all} />}
      </div>
      {inbox ? (
        <Inbox />
      ) : query.isError && !query.data ? (
        <Problem error={query.error} onRetry={() => void query.refetch()} />
      ) : query.data ? (
        <>
          <Sent list={list} demo={session?.demo === true} filtered={list.length < all.length} />
          {query.hasNextPage && (
            <Button
              variant="default"
              className="older"
              loading={query.isFetchingNextPage}
              onClick={() => void query.fetchNextPage()}
            >
              {t("notifications.older")}
            </Button>
          )}
        </>
      ) : (
        <Lines count={8} height={16} />
      )}
    </div>
  );
}

/** Receiver and outcome, in the URL. */
function DeliveryFilters({ all }: { readonly all: readonly NotificationView[] }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { receiver, outcome } = useSearch({ from: "/notifications" });
  const change = (next: Record<string, string | null>) =>
    void navigate({
      to: "/notifications",
      search: (old) => ({
        ...old,
        ...Object.fromEntries(Object.entries(next).map(([name, value]) => [name, value ?? undefined])),
      }),
    });
  const receivers = [...new Set([...all.map((one) => one.receiver), ...(receiver ? [receiver] : [])])].sort();
  return (
    <>
      <Select
        aria-label={t("notifications.receiver")}
        placeholder={t("notifications.allReceivers")}
        data={receivers}
        value={receiver ?? null}
        clearable
        w={190}
        onChange={(value) => change({ receiver: value })}
      />
      <SegmentedControl
        value={outcome ?? "all"}
        onChange={(value) => change({ outcome: value === "all" ? null : value })}
        data={[
          { value: "all", label: t("common.all") },
          ...OUTCOMES.map((one) => ({ value: one, label: t(`notifications.${one}`) })),
        ]}
      />
    </>
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

function Sent({
  list,
  demo,
  filtered,
}: {
  readonly list: readonly NotificationView[];
  readonly demo: boolean;
  readonly filtered: boolean;
}) {
  const { t } = useTranslation();
  const { id } = useSearch({ from: "/notifications" });
  if (list.length === 0 && filtered) {
    return (
      <Panel>
        <Empty title={t("notifications.noneFound")} />
      </Panel>
    );
  }
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
        {one.test && <span className="tag">{t("notifications.test")}</span>}
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
  const facts: Array<[string, React.ReactNode]> = [
    [
      t("notifications.receiver"),
      <span key="r">
        <Link to="/receivers" hash={one.receiver}>
          {one.receiver}
        </Link>{" "}
        · {one.integration}
      </span>,
    ],
    [t("notifications.to"), one.target],
    [t("notifications.group"), <Chips key="g" labels={one.groupLabels} />],
    [t("notifications.took"), duration(one.durationMs / 1000)],
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
      <h3>{t("notifications.request")}</h3>
      <pre className="body">{readableBody(one.body)}</pre>
      <h3 className={one.outcome === "delivered" ? undefined : "state-crit"}>{t("notifications.answer")}</h3>
      <pre className="body">{readableBody(one.answer) || t("notifications.noAnswer")}</pre>
    </article>
  );
}
