// What the sentence on top says: what is wrong, for whom, since when. Parts, so that both languages can word it.
import type { Overview, Reason, ShopOverview } from "@storewatch/model/api";
import type { Language } from "../../design/numbers.ts";
import { duration, money, percent, signedPercent } from "../../design/numbers.ts";
import type { StateName } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";

type Translate = (key: string, options?: Record<string, unknown>) => string;

export interface HeadlineWords {
  readonly state: StateName;
  readonly sentence: string;
  readonly detail: string;
  /** Where "see why" leads. */
  readonly shop: string | undefined;
  readonly alerts: boolean;
}

export const isTrouble = (shop: Pick<ShopOverview, "health">): boolean =>
  shop.health === "crit" || shop.health === "warn";

/** A reason in short words: "orders −48 % against the hour before". */
export function reasonText(reason: Reason, t: Translate): string {
  return t(`reason.${reason.kind}`, { alert: reason.alert ?? "", value: reasonValue(reason) });
}

/** All reasons in one line: what is measured first, then the names of the alerts. */
export function whyText(reasons: readonly Reason[], t: Translate): string {
  const measured = reasons.filter((reason) => reason.kind !== "alert").map((reason) => reasonText(reason, t));
  const alerts = new Set(reasons.flatMap((reason) => reason.alert ?? []));
  return [...measured, ...alerts].join(" · ");
}

function reasonValue(reason: Reason): string {
  if (reason.kind === "errors") return percent(reason.value);
  if (reason.kind === "latency") return duration(reason.value);
  return signedPercent(reason.value);
}

/** The reason that the shop's sentence tells: what is measured says more than an alert's name for the same. */
export function toldReason(shop: Pick<ShopOverview, "reasons">): Reason | undefined {
  const [first] = shop.reasons;
  return shop.reasons.find((reason) => reason.kind !== "alert" && reason.health === first.health) ?? first;
}

/** The sentence for one shop. */
export function shopSentence(shop: ShopOverview, atMs: number, t: Translate, language: Language): string {
  const told = toldReason(shop);
  if (!told) return t("headline.fine", { name: shop.name });
  const since = sinceText(shop.sinceMs, atMs, t, language);
  return t(`headline.${told.kind}`, { name: shop.name, alert: told.alert ?? "", value: reasonValue(told), since });
}

/** The time of the sentence is that of what it tells, not of some older platform alert. */
function earliest(items: readonly { readonly sinceMs: number | null }[]): number | null {
  const known = items.flatMap((item) => item.sinceMs ?? []);
  return known.length === 0 ? null : Math.min(...known);
}

function sinceText(sinceMs: number | null, atMs: number, t: Translate, language: Language): string {
  return sinceMs === null ? "" : t("overview.sinceTime", { time: moment(sinceMs, atMs, language) });
}

export function overviewHeadline(overview: Overview, t: Translate, language: Language): HeadlineWords {
  const troubled = overview.shops.filter(isTrouble);
  const sinceMs = earliest(troubled.length > 0 ? troubled : overview.reasons);
  const since = sinceText(sinceMs, overview.atMs, t, language);
  const state: StateName = overview.health === "unknown" ? "unknown" : overview.health;
  const detail = detailOf(overview, troubled, t);
  if (troubled.length === 1) {
    return {
      state,
      sentence: shopSentence(troubled[0], overview.atMs, t, language),
      detail,
      shop: troubled[0].id,
      alerts: false,
    };
  }
  if (troubled.length > 1) {
    const sentence = t("overview.trouble", {
      count: troubled.length,
      total: overview.shops.length,
      names: nameList(troubled, t),
      since,
    });
    return { state, sentence, detail, shop: troubled[0].id, alerts: overview.alerts.firing > 0 };
  }
  if (overview.reasons.length > 0) {
    return {
      state,
      sentence: t("overview.platform", { alert: overview.reasons[0].alert ?? "", since }),
      detail,
      shop: undefined,
      alerts: true,
    };
  }
  return {
    state: "ok",
    sentence: t("overview.allFine", { count: overview.shops.length }),
    detail,
    shop: undefined,
    alerts: false,
  };
}

function nameList(shops: readonly ShopOverview[], t: Translate): string {
  const [first, second] = shops;
  if (shops.length === 2) return t("overview.and", { first: first.name, last: second.name });
  return t("overview.andMore", { first: `${first.name}, ${second.name}`, count: shops.length - 2 });
}

function detailOf(overview: Overview, troubled: readonly ShopOverview[], t: Translate): string {
  const parts: string[] = [];
  const less = lostPerHour(troubled);
  if (less.length > 0)
    parts.push(
      t("overview.less", {
        amount: less.map((sum) => money(Number(sum.amount.toPrecision(2)), sum.currency)).join(" + "),
      }),
    );
  const { firing, pending } = overview.alerts;
  if (firing > 0) parts.push(t("overview.firing", { count: firing }));
  if (pending > 0) parts.push(t("overview.pendingToo", { count: pending }));
  if (parts.length === 0) {
    const requests = overview.figures.requestsPerSecond.value;
    return requests === null ? "" : t("overview.calmDetail", { requests: `${Math.round(requests)}\u202freq/s` });
  }
  const text = parts.join(", ");
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** How much less the troubled shops take in an hour than in the hour before, by currency, largest first. */
export function lostPerHour(shops: readonly ShopOverview[]): { currency: string; amount: number }[] {
  const sums = new Map<string, number>();
  for (const shop of shops) {
    for (const { currency, value, before } of shop.figures.revenuePerHour) {
      const lost = (before ?? 0) - (value ?? 0);
      // Less than a fifth is how revenue moves anyway.
      if (before && lost > 0.2 * before) sums.set(currency, (sums.get(currency) ?? 0) + lost);
    }
  }
  return [...sums].map(([currency, amount]) => ({ currency, amount })).sort((a, b) => b.amount - a.amount);
}
