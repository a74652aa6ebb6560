// Alertmanager's API v2.
import { request } from "./http.ts";
import type { LabelSet } from "./prometheus.ts";

export interface RoutedAlert {
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly fingerprint: string;
  readonly generatorURL?: string;
  readonly receivers: ReadonlyArray<{ readonly name: string }>;
  readonly status: {
    readonly state: "active" | "suppressed" | "unprocessed";
    readonly silencedBy: readonly string[];
    readonly inhibitedBy: readonly string[];
  };
}

export interface SilenceMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

export interface Silence {
  readonly id: string;
  readonly matchers: readonly SilenceMatcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly status: { readonly state: "active" | "pending" | "expired" };
}

/** `name="value"` as the API's filter takes it. */
export function matcherText(matcher: SilenceMatcher): string {
  const operator = matcher.isRegex ? (matcher.isEqual ? "=~" : "!~") : matcher.isEqual ? "=" : "!=";
  return `${matcher.name}${operator}${JSON.stringify(matcher.value)}`;
}

export async function routedAlerts(matchers: readonly SilenceMatcher[] = []): Promise<readonly RoutedAlert[]> {
  const params = new URLSearchParams();
  for (const matcher of matchers) params.append("filter", matcherText(matcher));
  return ((await request(`/api/v2/alerts?${params}`)) ?? []) as readonly RoutedAlert[];
}

export async function silences(): Promise<readonly Silence[]> {
  return ((await request("/api/v2/silences")) ?? []) as readonly Silence[];
}

export interface NewSilence {
  /** Of the silence that it changes. */
  readonly id?: string;
  readonly matchers: readonly SilenceMatcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly createdBy: string;
  readonly comment: string;
}

/** Creates or changes. */
export async function saveSilence(silence: NewSilence): Promise<void> {
  await request("/api/v2/silences", { method: "POST", json: silence });
}

export async function expireSilence(id: string): Promise<void> {
  await request(`/api/v2/silence/${encodeURIComponent(id)}`, { method: "DELETE" });
}
