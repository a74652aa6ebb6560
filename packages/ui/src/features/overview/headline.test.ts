import type { Overview, Reason, ShopOverview } from "@storewatch/model/api";
import i18next from "i18next";
import { beforeAll, expect, it } from "vitest";
import { setNumberLanguage } from "../../design/numbers.ts";
import { en } from "../../text/en.ts";
import { vi } from "../../text/vi.ts";
import { overviewHeadline } from "./headline.ts";

const at = new Date(2026, 10, 22, 14, 30).getTime();
const nothing = { value: null, before: null };
const drop: Reason = {
  kind: "orders-drop",
  health: "crit",
  value: -0.48,
  before: 400,
  sinceMs: at - 28 * 60_000,
  alert: null,
  text: "",
};

function shop(name: string, reasons: Reason[], revenue: Array<[string, number, number]> = []): ShopOverview {
  const revenuePerHour = revenue.map(([currency, value, before]) => ({ currency, value, before }));
  const figures = {
    requestsPerSecond: nothing,
    errorRatio: nothing,
    p95Seconds: nothing,
    ordersPerHour: nothing,
    revenuePerHour,
  };
  return {
    id: name,
    name,
    tier: null,
    timezone: "UTC",
    currency: "VND",
    health: reasons[0]?.health ?? "ok",
    sinceMs: reasons[0]?.sinceMs ?? null,
    reasons,
    figures,
    orders: [],
  };
}

function overview(shops: ShopOverview[], more: Partial<Overview> = {}): Overview {
  const first = shops.find((one) => one.health !== "ok");
  const figures = {
    requestsPerSecond: { value: 41.6, before: null },
    errorRatio: nothing,
    p95Seconds: nothing,
    ordersPerHour: nothing,
    revenuePerHour: [],
  };
  return {
    atMs: at,
    rangeMs: 3_600_000,
    stepMs: 30_000,
    health: first?.health ?? "ok",
    sinceMs: first?.sinceMs ?? null,
    reasons: [],
    alerts: { firing: 0, pending: 0 },
    figures,
    activeConnections: null,
    timesMs: [],
    charts: { orders: [], requests: [], latency: [] },
    shops,
    ...more,
  };
}

beforeAll(async () => {
  await i18next.init({
    lng: "en",
    resources: { en: { translation: en }, vi: { translation: vi } },
    interpolation: { escapeValue: false },
  });
});
const t = (key: string, options?: Record<string, unknown>): string => i18next.t(key, options);
const words = (o: Overview) => {
  const { sentence, detail } = overviewHeadline(o, t, i18next.language === "vi" ? "vi" : "en");
  return [sentence, detail].map((text) => text.replaceAll("\u202f", " "));
};

it("says that all is fine", () => {
  expect(words(overview([shop("A", []), shop("B", [])]))).toEqual([
    "All 2 shops are fine.",
    "42 req/s, no alert is firing.",
  ]);
});

it("says what is wrong with one shop, since when, and how much is lost", () => {
  const o = overview([shop("Acme", [drop], [["VND", 1_000_000, 2_240_000]]), shop("B", [])], {
    alerts: { firing: 1, pending: 2 },
  });
  expect(words(o)).toEqual([
    "Acme is losing orders since 14:02: −48 % against the hour before",
    "About 1.2 M₫ an hour less than in the hour before, 1 alert is firing, 2 pending.",
  ]);
});

it("counts and names several shops, in Vietnamese too", async () => {
  const o = overview(["A", "B", "C"].map((name) => shop(name, [drop])).concat(shop("D", [])));
  expect(words(o)[0]).toBe("3 of 4 shops are in trouble since 14:02: A, B and 1 more");
  await i18next.changeLanguage("vi");
  setNumberLanguage("vi");
  expect(words(o)[0]).toBe("3/4 cửa hàng gặp sự cố từ 14:02: A, B và 1 cửa hàng khác");
  await i18next.changeLanguage("en");
  setNumberLanguage("en");
});

it("names a platform alert when no shop is hit", () => {
  const reason: Reason = {
    kind: "alert",
    health: "crit",
    value: null,
    before: null,
    sinceMs: at - 28 * 60_000,
    alert: "DiskSpaceLow",
    text: "",
  };
  const o = overview([shop("A", [])], {
    health: "crit",
    reasons: [reason],
    sinceMs: reason.sinceMs,
    alerts: { firing: 1, pending: 0 },
  });
  expect(words(o)[0]).toBe("DiskSpaceLow is firing since 14:02");
});
