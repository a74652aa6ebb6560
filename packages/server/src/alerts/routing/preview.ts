// What a silence would hide, before it is made.
import { type Matcher, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import type { SilencePreview } from "@storewatch/model/api";
import { isCritical } from "../calm/severity.ts";
import { Tally } from "../calm/tally.ts";
import type { AlertView } from "../manager.ts";
import { matchesLabels } from "../matchers/parse.ts";
import { isWithin, silenceProblem } from "../silences.ts";
import { WATCHDOG } from "../watchdog.ts";

export interface PreviewInput {
  readonly scope: TenantScope;
  readonly matchers: readonly Matcher[];
  /** The silence that is edited. */
  readonly id: string | undefined;
  /** Firing alerts of the scope. */
  readonly views: readonly AlertView[];
}

type Warning = SilencePreview["warnings"][number];

const ALERTS_LISTED = 200;
const NAMES_LISTED = 50;
/** A silence that hides more of all alerts than this is worth a word … */
const LARGE_SHARE = 0.5;
/** … when there are at least so many of them. */
const LARGE_AT_LEAST = 4;

export function previewSilence(input: PreviewInput): SilencePreview {
  const { scope, matchers, id, views } = input;
  const others = ({ silencedBy }: AlertView) => silencedBy.filter((other) => other !== id);
  const isQuiet = (view: AlertView) => others(view).length + view.inhibitedBy.length > 0;
  const hidden = views.filter(({ alert }) => matchesLabels(matchers, alert.labels));
  const news = hidden.filter((view) => !isQuiet(view));
  const seesAll = scope.kind === "all";
  const [names, tenants, severities] = [new Tally(), new Tally(), new Tally()];
  for (const { alert } of hidden) {
    names.add(alert.labels.alertname ?? "");
    tenants.add(alert.labels[TENANT_LABEL] ?? "");
    severities.add(alert.labels.severity ?? "");
  }
  const newsFirst = [...news, ...hidden.filter(isQuiet)];
  return {
    alerts: newsFirst.slice(0, ALERTS_LISTED).map((view) => ({
      fingerprint: view.alert.fingerprint,
      labels: view.alert.labels,
      annotations: view.alert.annotations,
      startsAtMs: view.alert.startsAtMs,
      state: isQuiet(view) ? "suppressed" : "active",
      silencedBy: others(view),
      receivers: seesAll ? [...view.receivers] : [],
    })),
    total: hidden.length,
    newlyHidden: news.length,
    firing: views.length,
    share: views.length === 0 ? 0 : hidden.length / views.length,
    byAlertname: names.list(NAMES_LISTED),
    byTenant: tenants.list(NAMES_LISTED),
    bySeverity: severities.list(NAMES_LISTED),
    receivers: seesAll ? hearLess(views, new Set(news), isQuiet) : [],
    warnings: warningsOf(input, hidden, news),
  };
}

function hearLess(
  views: readonly AlertView[],
  news: ReadonlySet<AlertView>,
  isQuiet: (view: AlertView) => boolean,
): SilencePreview["receivers"] {
  const counts = new Map<string, { name: string; hidden: number; left: number }>();
  for (const view of views) {
    if (isQuiet(view)) continue;
    for (const name of view.receivers) {
      const count = counts.get(name) ?? { name, hidden: 0, left: 0 };
      if (news.has(view)) count.hidden += 1;
      else count.left += 1;
      counts.set(name, count);
    }
  }
  return [...counts.values()].filter((count) => count.hidden > 0).sort((a, b) => b.hidden - a.hidden);
}

function warningsOf(
  { scope, matchers, views }: PreviewInput,
  hidden: readonly AlertView[],
  news: readonly AlertView[],
): Warning[] {
  const warnings: Warning[] = [];
  const add = (code: Warning["code"], severity: Warning["severity"], message: string) =>
    warnings.push({ code, severity, message });
  const problem = silenceProblem({ matchers, startsAtMs: 0, endsAtMs: 1 });
  if (problem) add("refused", "error", problem);
  else if (!isWithin(scope, matchers))
    add("refused", "error", `a silence needs a matcher ${TENANT_LABEL}="…" of your own shop`);
  const percent = Math.round((100 * hidden.length) / Math.max(1, views.length));
  if (hidden.length === views.length && hidden.length > 1)
    add("everything", "warning", `It hides all ${hidden.length} alerts that fire now.`);
  else if (hidden.length / Math.max(1, views.length) > LARGE_SHARE && views.length >= LARGE_AT_LEAST)
    add("large-share", "warning", `It hides ${hidden.length} of ${views.length} alerts that fire now (${percent} %).`);
  const shops = new Set(hidden.flatMap(({ alert }) => alert.labels[TENANT_LABEL] ?? []));
  const isBound = matchers.some(({ name }) => name === TENANT_LABEL);
  if (!isBound && scope.kind === "all" && shops.size > 1)
    add("all-shops", "warning", `It names no ${TENANT_LABEL}: it hides alerts of ${shops.size} shops.`);
  const critical = news.filter(({ alert }) => isCritical(alert.labels.severity ?? "")).length;
  if (critical > 0)
    add(
      "critical",
      "warning",
      `${critical} critical alert${critical === 1 ? "" : "s"} that people are told of now would be hidden.`,
    );
  if (
    hidden.some(
      ({ alert }) => alert.labels.alertname === WATCHDOG && scopeAllows(scope, alert.labels[TENANT_LABEL] ?? ""),
    )
  )
    add("watchdog", "warning", "It hides the Watchdog: whoever waits for that will believe that alerting is dead.");
  if (hidden.length === 0)
    add("nothing", "info", "It hides nothing that fires now. Future alerts that fit would be hidden.");
  return warnings;
}
