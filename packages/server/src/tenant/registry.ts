// Which shops there are: declared in the config, or found in the data within the retention.
import {
  type Clock,
  Labels,
  Matcher,
  METRIC_NAME,
  parseTenantId,
  type Sample,
  scopeAllows,
  TENANT_LABEL,
  type Tenant,
  type TenantId,
  type TenantScope,
} from "@storewatch/model";
import type { TenantView } from "@storewatch/model/api";

export const TENANT_INFO_METRIC = "storewatch_tenant_info";

/**
 * Series that Storewatch makes itself. A shop counts as seen by its own data only: its info series, its alerts and what
 * rules recorded about it (names with a colon) would otherwise keep a shop listed for ever.
 */
const OWN_SERIES = `${TENANT_INFO_METRIC}|ALERTS|ALERTS_FOR_STATE|.*:.*`;
const FOUND_MAX = 10_000;
const REFRESH_MS = 15_000;
/** While there is nothing yet, a first shop should show up soon. */
const REFRESH_EMPTY_MS = 2000;
/** Looking takes at most about 1 % of the time. */
const COST_FACTOR = 100;

export interface TenantRegistryOptions {
  readonly declared: readonly Tenant[];
  /** Values of the tenant label among the matching series in the range (ms, inclusive). */
  readonly labelValues: (matchers: readonly Matcher[], fromMs: number, toMs: number) => readonly string[];
  readonly retentionMs: number;
  readonly clock: Clock;
}

export interface TenantRegistry {
  /** By id. */
  list(scope: TenantScope): readonly TenantView[];
  get(id: TenantId): Tenant | undefined;
  /** `storewatch_tenant_info{tenant_id,name,tier,timezone,currency} 1` of every shop, at this time. */
  infoSamples(timeMs: number): Sample[];
  /** After a reload. */
  setDeclared(declared: readonly Tenant[]): void;
}

interface Known {
  readonly tenant: Tenant;
  readonly source: TenantView["source"];
  readonly info: Labels;
}

export function createTenantRegistry(options: TenantRegistryOptions): TenantRegistry {
  const { clock } = options;
  const matchers = [new Matcher("!=", TENANT_LABEL, ""), new Matcher("!~", METRIC_NAME, OWN_SERIES)];
  let declared = options.declared;
  let found: readonly TenantId[] = [];
  let nextAtMs = Number.NEGATIVE_INFINITY;
  let known = merge(declared, found);

  const look = () => {
    const startMs = clock.monotonicMs();
    if (startMs < nextAtMs) return;
    const nowMs = clock.nowMs();
    // What stands for no shop ("unknown") is no id, and so no shop.
    const ids = options.labelValues(matchers, nowMs - options.retentionMs, nowMs).map(parseTenantId);
    const now = ids.filter((id) => id !== undefined).slice(0, FOUND_MAX);
    const endMs = clock.monotonicMs();
    nextAtMs = endMs + Math.max(now.length === 0 ? REFRESH_EMPTY_MS : REFRESH_MS, (endMs - startMs) * COST_FACTOR);
    if (now.length === found.length && now.every((id, i) => id === found[i])) return;
    found = now;
    known = merge(declared, found);
  };

  return {
    list(scope) {
      look();
      return [...known.values()].filter(({ tenant }) => scopeAllows(scope, tenant.id)).map(viewOf);
    },
    get(id) {
      look();
      return known.get(id)?.tenant;
    },
    infoSamples(timeMs) {
      look();
      return [...known.values()].map(({ info }) => ({ labels: info, timeMs, value: 1 }));
    },
    setDeclared(tenants) {
      declared = tenants;
      known = merge(declared, found);
    },
  };
}

function merge(declared: readonly Tenant[], found: readonly TenantId[]): ReadonlyMap<TenantId, Known> {
  const all = new Map<TenantId, Known>();
  for (const id of found) {
    const tenant = { id, name: id, timezone: "UTC", currency: "USD" };
    all.set(id, { tenant, source: "data", info: infoLabels(tenant) });
  }
  for (const tenant of declared) all.set(tenant.id, { tenant, source: "config", info: infoLabels(tenant) });
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function infoLabels({ id, name, tier, timezone, currency }: Tenant): Labels {
  return Labels.from({
    [METRIC_NAME]: TENANT_INFO_METRIC,
    [TENANT_LABEL]: id,
    name,
    tier: tier ?? "",
    timezone,
    currency,
  });
}

function viewOf({ tenant: { id, name, tier, timezone, currency }, source }: Known): TenantView {
  return { id, name, tier: tier ?? null, timezone, currency, source };
}
