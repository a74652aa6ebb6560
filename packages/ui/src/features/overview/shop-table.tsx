import type { Overview, ShopOverview } from "@storewatch/model/api";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Sparkline } from "../../chart/sparkline.tsx";
import { Panel } from "../../design/blocks.tsx";
import { change, count, duration, money, percent, plainNumber, signedPercent } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { isTrouble, whyText } from "./headline.ts";

/** Shops worst first. When some are in trouble the fine ones fold into one line; when none is, all are shown. */
export function ShopTable({ overview }: { readonly overview: Overview }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const troubled = overview.shops.filter((shop) => isTrouble(shop) || shop.health === "unknown");
  const fold = troubled.length > 0 && troubled.length < overview.shops.length;
  const shown = fold && !all ? troubled : overview.shops;
  const fine = overview.shops.length - troubled.length;
  return (
    <Panel title={t("overview.shopsWorstFirst")} flush className="shops-panel">
      <ShopRows shops={shown} rangeMs={overview.rangeMs} />
      {fold && (
        <div className="table-foot">
          <StateMark state="ok" />
          {t("overview.moreFine", { count: fine })}
          <button type="button" className="link-button" onClick={() => setAll(!all)}>
            {t(all ? "common.hide" : "common.show")}
          </button>
        </div>
      )}
    </Panel>
  );
}

export function ShopRows({ shops, rangeMs }: { readonly shops: readonly ShopOverview[]; readonly rangeMs: number }) {
  const { t } = useTranslation();
  return (
    <>
      <div className="table-scroll wide-only">
        <table className="table shop-table">
          <thead>
            <tr>
              <th>{t("overview.shop")}</th>
              <th className="grow">{t("overview.why")}</th>
              <th className="number">{t("overview.ordersHour")}</th>
              <th className="number">{t("overview.change")}</th>
              <th className="number">{t("overview.revenueHour")}</th>
              <th className="number">{t("overview.errors")}</th>
              <th className="number">{t("overview.latency")}</th>
              <th className="number">{t("overview.traffic")}</th>
              <th>{t("overview.trend", { range: span(rangeMs, currentLanguage()) })}</th>
            </tr>
          </thead>
          <tbody>
            {shops.map((shop) => (
              <ShopRow key={shop.id} shop={shop} />
            ))}
          </tbody>
        </table>
      </div>
      <ul className="phone-rows phone-only">
        {shops.map((shop) => (
          <ShopCard key={shop.id} shop={shop} />
        ))}
      </ul>
    </>
  );
}

function ShopRow({ shop }: { readonly shop: ShopOverview }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { figures } = shop;
  const [revenue] = figures.revenuePerHour;
  const orders = change(figures.ordersPerHour.value, figures.ordersPerHour.before);
  const why = whyText(shop.reasons, t);
  return (
    // The name is a link for the keyboard; the rest of the row follows it for the mouse.
    <tr className="row-link" onClick={() => void navigate({ to: "/tenants/$id", params: { id: shop.id } })}>
      <td>
        <span className="shop-name">
          <StateMark state={shop.health} />
          <Link to="/tenants/$id" params={{ id: shop.id }} className="name-link">
            {shop.name}
          </Link>
          {shop.tier && <span className="tier">{shop.tier}</span>}
        </span>
      </td>
      <td className="grow" title={why}>
        <span className="muted">{why}</span>
      </td>
      <td className="number">{count(figures.ordersPerHour.value)}</td>
      <td className={`number ${tone(shop, "orders") || "delta"}`}>{signedPercent(orders)}</td>
      <td className="number">{revenue ? money(revenue.value, revenue.currency) : money(null, "")}</td>
      <td className={`number ${tone(shop, "errors")}`}>{percent(figures.errorRatio.value)}</td>
      <td className={`number ${tone(shop, "latency")}`}>{duration(figures.p95Seconds.value)}</td>
      <td className="number">
        {figures.requestsPerSecond.value === null ? "–" : plainNumber(figures.requestsPerSecond.value, 1)}
      </td>
      <td>
        <Sparkline values={shop.orders} color={isTrouble(shop) ? `var(--${shop.health})` : undefined} />
      </td>
    </tr>
  );
}

/** The class of a figure that is a reason for the shop's state; empty otherwise. */
function tone(shop: ShopOverview, what: "orders" | "errors" | "latency"): string {
  const told = shop.reasons.find((reason) =>
    what === "orders" ? reason.kind === "orders-drop" || reason.kind === "no-orders" : reason.kind === what,
  );
  return told === undefined ? "" : told.health === "crit" ? "delta-bad" : "delta-warn";
}

/** The phone's form of a row: the name and the two figures that matter, under them why. */
function ShopCard({ shop }: { readonly shop: ShopOverview }) {
  const { t } = useTranslation();
  const { figures } = shop;
  const [revenue] = figures.revenuePerHour;
  const why = whyText(shop.reasons, t);
  const calm = `${t("overview.errors")} ${percent(figures.errorRatio.value)} · p95 ${duration(figures.p95Seconds.value)}`;
  return (
    <li>
      <Link to="/tenants/$id" params={{ id: shop.id }} className="phone-row">
        <StateMark state={shop.health} />
        <span className="phone-row-main">{shop.name}</span>
        <span className="phone-row-figure">
          {count(figures.ordersPerHour.value)} <small>{t("overview.ordersHour")}</small>
        </span>
        <span className="phone-row-second">{why || calm}</span>
        <span className="phone-row-figure2">{revenue ? money(revenue.value, revenue.currency) : ""}</span>
      </Link>
    </li>
  );
}
