// A platform of twenty shops as time series, computed from the time alone: the same moment always gives the same data.
// Two shops are in trouble: Acme loses orders and fails requests since 28 min, Bếp Nhà is slow since 55 min.
import { Labels, type Matcher, matchesAll, type SeriesSamples } from "@storewatch/model";
import type { TenantView } from "@storewatch/model/api";
import type { Queryable, SelectHints } from "@storewatch/promql/engine";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const shop = (id: string, name: string, tier: string, timezone: string, currency: string): TenantView => ({
  id,
  name,
  tier,
  timezone,
  currency,
  source: "config",
});
const HCMC = "Asia/Ho_Chi_Minh";
export const SHOPS: readonly TenantView[] = [
  shop("thegioiso", "Thế Giới Số", "gold", HCMC, "VND"),
  shop("sen-mart", "Sen Mart", "gold", HCMC, "VND"),
  shop("acme", "Acme Outfitters", "gold", "America/Los_Angeles", "USD"),
  shop("siam-style", "Siam Style", "gold", "Asia/Bangkok", "THB"),
  shop("bepnha", "Bếp Nhà", "silver", HCMC, "VND"),
  shop("nhasach-phuongnam", "Nhà Sách Phương Nam", "silver", HCMC, "VND"),
  shop("aodai-store", "Áo Dài Store", "silver", HCMC, "VND"),
  shop("caphe-buonme", "Cà Phê Buôn Mê", "silver", HCMC, "VND"),
  shop("mypham-xanh", "Mỹ Phẩm Xanh", "silver", HCMC, "VND"),
  shop("dienmay-hoangha", "Điện Máy Hoàng Hà", "silver", HCMC, "VND"),
  shop("chiangmai-craft", "Chiang Mai Craft", "silver", "Asia/Bangkok", "THB"),
  shop("traicay-miennam", "Trái Cây Miền Nam", "bronze", HCMC, "VND"),
  shop("gom-battrang", "Gốm Bát Tràng", "bronze", HCMC, "VND"),
  shop("lua-baoloc", "Lụa Bảo Lộc", "bronze", HCMC, "VND"),
  shop("brooklyn-books", "Brooklyn Books", "bronze", "America/New_York", "USD"),
  shop("hoatuoi-dalat", "Hoa Tươi Đà Lạt", "bronze", HCMC, "VND"),
  shop("tra-thainguyen", "Trà Thái Nguyên", "bronze", HCMC, "VND"),
  shop("mebe-vn", "Mẹ & Bé", "bronze", HCMC, "VND"),
  shop("berlin-audio", "Berlin Audio", "bronze", "Europe/Berlin", "USD"),
  shop("namngu-phuquoc", "Nước Mắm Phú Quốc", "bronze", HCMC, "VND"),
];

interface Series {
  readonly labels: Labels;
  readonly at: (ms: number) => number | undefined;
}

/** Events so far (not rounded) of a rate with a daily curve and some restlessness, in closed form. */
function flow(perSecond: number, seed: number): (ms: number) => number {
  const waves: ReadonlyArray<readonly [number, number]> = [
    [DAY, 0.4],
    [37 * MINUTE, 0.09],
    [11 * MINUTE, 0.08],
    [3 * MINUTE, 0.07],
  ];
  return (ms) => {
    const seconds = ms / 1000 - 1_700_000_000;
    let events = seconds;
    waves.forEach(([periodMs, strength], i) => {
      const period = periodMs / 1000;
      events -=
        ((strength * period) / (2 * Math.PI)) * Math.cos((2 * Math.PI * seconds) / period + seed * (i + 1) * 1.7);
    });
    return perSecond * events;
  };
}

/** From `sinceMs` on the flow is multiplied. */
function changed(base: (ms: number) => number, sinceMs: number, factor: number): (ms: number) => number {
  const atChange = base(sinceMs);
  return (ms) => (ms < sinceMs ? base(ms) : atChange + factor * (base(ms) - atChange));
}

const ROUTES: ReadonlyArray<readonly [string, string, number, number]> = [
  ["GET", "/", 0.24, 0.05],
  ["GET", "/products", 0.3, 0.09],
  ["GET", "/products/:id", 0.28, 0.07],
  ["POST", "/cart", 0.1, 0.11],
  ["POST", "/checkout", 0.05, 0.21],
  ["POST", "/orders/:id/pay", 0.03, 0.34],
];
const BUCKETS = [0.1, 0.3, 0.5, 0.7, 1, 3, 5, 7, 10];
const MONEY: Readonly<Record<string, number>> = { VND: 640_000, USD: 31, THB: 890 };

export function syntheticSeries(startMs: number, calm: boolean): Series[] {
  const all: Series[] = [];
  const add = (name: string, labels: Record<string, string>, at: Series["at"]) =>
    all.push({ labels: Labels.from({ __name__: name, job: "shop", instance: "127.0.0.1:9780", ...labels }), at });
  SHOPS.forEach((tenant, i) => {
    const share = 1 / (i + 1) ** 0.75;
    shopSeries(add, tenant, 9 * share, i + 1, startMs, calm);
  });
  add("active_connections", {}, (ms) => Math.round(64 + 9 * Math.sin(ms / 200_000) + 5 * Math.sin(ms / 31_000)));
  add("process_resident_memory_bytes", {}, (ms) => 182e6 + 9e6 * Math.sin(ms / 900_000));
  add("shop_build_info", { service: "shop", version: "1.8.2" }, () => 1);
  add("up", {}, () => 1);
  add("up", { job: "storewatch", instance: "127.0.0.1:9700" }, () => 1);
  hostSeries(all);
  if (!calm) alertSeries(all, startMs);
  return all;
}

type Add = (name: string, labels: Record<string, string>, at: Series["at"]) => void;

function shopSeries(
  add: Add,
  tenant: TenantView,
  perSecond: number,
  seed: number,
  startMs: number,
  calm: boolean,
): void {
  const own = { tenant_id: tenant.id };
  const loses = !calm && tenant.id === "acme";
  const slow = !calm && tenant.id === "bepnha";
  const since = startMs - (slow ? 55 : 28) * MINUTE;
  const counter = (rate: number, more = 0) => flow(rate, seed + more);
  for (const [place, [method, route, share, seconds]] of ROUTES.entries()) {
    const base = counter(perSecond * share, place);
    const labels = { ...own, method, route };
    const ok = loses ? changed(base, since, 0.9) : base;
    add("http_requests_total", { ...labels, status_code: method === "POST" ? "201" : "200" }, (ms) =>
      Math.floor(0.985 * ok(ms)),
    );
    add("http_requests_total", { ...labels, status_code: "404" }, (ms) => Math.floor(0.013 * base(ms)));
    const errors = counter(perSecond * share * 0.0015, place);
    add("http_requests_total", { ...labels, status_code: "500" }, (ms) =>
      Math.floor(
        (loses && method === "POST" ? changed(errors, since, 150) : loses ? changed(errors, since, 25) : errors)(ms),
      ),
    );
    for (const le of [...BUCKETS, Number.POSITIVE_INFINITY]) {
      const below = (typical: number) => 1 - Math.exp(-((le / typical) ** 1.4) * 0.7);
      const [normal, bad] = [below(seconds), below(seconds * 9)];
      const atSince = base(since);
      const at = (ms: number) =>
        slow && ms > since ? atSince * normal + (base(ms) - atSince) * bad : base(ms) * normal;
      add("http_request_duration_seconds_bucket", { ...labels, le: Number.isFinite(le) ? String(le) : "+Inf" }, (ms) =>
        Math.floor(at(ms)),
      );
    }
    add("http_request_duration_seconds_count", labels, (ms) => Math.floor(base(ms)));
    add("http_request_duration_seconds_sum", labels, (ms) => base(ms) * seconds);
  }
  const paid = counter(perSecond * 0.021, 40);
  const orders = loses ? changed(paid, since, 0.42) : paid;
  add("orders_total", { ...own, status: "paid" }, (ms) => Math.floor(orders(ms)));
  add("orders_total", { ...own, status: "declined" }, (ms) => Math.floor(0.06 * paid(ms)));
  add("orders_total", { ...own, status: "payment_failed" }, (ms) =>
    Math.floor((loses ? changed(counter(perSecond * 0.0002, 41), since, 60) : counter(perSecond * 0.0002, 41))(ms)),
  );
  add(
    "revenue_total",
    { ...own, currency: tenant.currency },
    (ms) => Math.floor(orders(ms)) * MONEY[tenant.currency] * (0.8 + (seed % 5) / 10),
  );
  add(
    "conversion_rate",
    own,
    (ms) => (loses && ms > since ? 1.2 : 2.9) + 0.4 * Math.sin(ms / 700_000 + seed) + (seed % 4) * 0.3,
  );
  add("cart_abandonment_rate", own, (ms) => 61 + 6 * Math.sin(ms / 900_000 + seed * 2) + (seed % 5));
  add("storewatch_tenant_info", { ...own, name: tenant.name, tier: tenant.tier ?? "", job: "storewatch" }, () => 1);
}

function hostSeries(all: Series[]): void {
  const add = (name: string, labels: Record<string, string>, at: Series["at"]) =>
    all.push({ labels: Labels.from({ __name__: name, job: "node", instance: "127.0.0.1:9100", ...labels }), at });
  add("node_uname_info", { nodename: "shop-1", sysname: "Linux", release: "6.1.0" }, () => 1);
  add("node_memory_MemTotal_bytes", {}, () => 25_769_803_776);
  add("node_memory_MemAvailable_bytes", {}, (ms) => 15e9 + 1.5e9 * Math.sin(ms / 1_300_000));
  add("node_boot_time_seconds", {}, () => 1_790_000_000);
  for (const mode of ["idle", "user", "system", "iowait"])
    add(
      "node_cpu_seconds_total",
      { cpu: "0", mode },
      flow({ idle: 0.71, user: 0.2, system: 0.07, iowait: 0.02 }[mode] ?? 0, 3),
    );
  add("node_load1", {}, (ms) => 0.6 + 0.3 * Math.sin(ms / 400_000));
  for (const device of ["/dev/sda1", "/dev/sdb1"]) {
    add(
      "node_filesystem_size_bytes",
      { device, mountpoint: device === "/dev/sda1" ? "/" : "/data", fstype: "ext4" },
      () => 200e9,
    );
    add(
      "node_filesystem_avail_bytes",
      { device, mountpoint: device === "/dev/sda1" ? "/" : "/data", fstype: "ext4" },
      () => (device === "/dev/sda1" ? 120e9 : 41e9),
    );
  }
}

export interface MockAlert {
  readonly labels: Record<string, string>;
  readonly summary: string;
  readonly description: string;
  readonly sinceMinutes: number;
  readonly firingAfterMinutes: number;
  readonly value: number;
  readonly query: string;
}

export const ALERTS: readonly MockAlert[] = [
  {
    labels: { alertname: "HighErrorRate", severity: "critical", tenant_id: "acme" },
    summary: "Acme Outfitters: 6.1 % of requests fail",
    description: "In the last 5 minutes 6.1 % of the requests to acme were answered with 5xx. The limit is 5 %.",
    sinceMinutes: 27,
    firingAfterMinutes: 2,
    value: 0.061,
    query:
      'sum by (tenant_id) (rate(http_requests_total{status_code=~"5.."}[5m])) / sum by (tenant_id) (rate(http_requests_total[5m])) > 0.05',
  },
  {
    labels: { alertname: "TenantOrderRateLow", severity: "critical", tenant_id: "acme" },
    summary: "Acme Outfitters takes 132 orders an hour, half of what it usually does",
    description: "Orders per hour are 42 % of the mean of the hours before. Check checkout and payment providers.",
    sinceMinutes: 20,
    firingAfterMinutes: 5,
    value: 132.4,
    query: "shop:orders_per_hour < 0.5 * shop:orders_per_hour:baseline",
  },
  {
    labels: { alertname: "HighResponseTime", severity: "warning", tenant_id: "bepnha" },
    summary: "Bếp Nhà: 95 of 100 requests take up to 2.1 s",
    description: "The 95th percentile of the response time of bepnha is 2.1 s. The limit is 2 s.",
    sinceMinutes: 49,
    firingAfterMinutes: 5,
    value: 2.13,
    query: "histogram_quantile(0.95, sum by (tenant_id, le) (rate(http_request_duration_seconds_bucket[5m]))) > 2",
  },
  {
    labels: {
      alertname: "DiskSpaceLow",
      severity: "warning",
      instance: "127.0.0.1:9100",
      mountpoint: "/data",
      job: "node",
    },
    summary: "20 % of /data is free on 127.0.0.1:9100",
    description: "At the pace of the last 6 hours it is full in 3 days.",
    sinceMinutes: 380,
    firingAfterMinutes: 5,
    value: 0.205,
    query: "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.25",
  },
  {
    labels: { alertname: "HighResponseTime", severity: "warning", tenant_id: "siam-style" },
    summary: "Siam Style: 95 of 100 requests take up to 2.0 s",
    description: "",
    sinceMinutes: 3,
    firingAfterMinutes: 5,
    value: 2.02,
    query: "histogram_quantile(0.95, sum by (tenant_id, le) (rate(http_request_duration_seconds_bucket[5m]))) > 2",
  },
];

function alertSeries(all: Series[], startMs: number): void {
  for (const alert of ALERTS) {
    const since = startMs - alert.sinceMinutes * MINUTE;
    const firing = since + alert.firingAfterMinutes * MINUTE;
    const one =
      (from: number, to: number): Series["at"] =>
      (ms) =>
        ms >= from && ms < to ? 1 : undefined;
    all.push({
      labels: Labels.from({ __name__: "ALERTS", alertstate: "pending", ...alert.labels }),
      at: one(since, firing),
    });
    all.push({
      labels: Labels.from({ __name__: "ALERTS", alertstate: "firing", ...alert.labels }),
      at: one(firing, Number.POSITIVE_INFINITY),
    });
    all.push({
      labels: Labels.from({ __name__: "ALERTS_FOR_STATE", ...alert.labels }),
      at: (ms) => (ms >= since ? since / 1000 : undefined),
    });
  }
}

/** Samples on a grid as fine as the query needs: a few in each window. */
export function syntheticStore(series: readonly Series[]): Queryable {
  return {
    select(matchers: readonly Matcher[], fromMs: number, toMs: number, hints: SelectHints): SeriesSamples[] {
      const fine = hints.rangeMs > 0 ? hints.rangeMs / 4 : 60_000;
      const gridMs = Math.max(5000, fine);
      const step = Math.max(5000, Math.floor(gridMs / 5000) * 5000);
      const first = Math.ceil(fromMs / step) * step;
      return series
        .filter((one) => matchesAll(matchers, one.labels))
        .map((one) => {
          const times: number[] = [];
          const values: number[] = [];
          for (let ms = first; ms <= toMs; ms += step) {
            const value = one.at(ms);
            if (value === undefined) continue;
            times.push(ms);
            values.push(value);
          }
          return { labels: one.labels, timesMs: Float64Array.from(times), values: Float64Array.from(values) };
        });
    },
  };
}
