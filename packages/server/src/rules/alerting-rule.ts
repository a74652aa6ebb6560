// One alerting rule: its alerts and their states, from evaluation to evaluation.
import { type LabelRecord, Labels, METRIC_NAME, type PostableAlert } from "@storewatch/model";
import type { VectorSample } from "@storewatch/promql/engine";
import type { Expand } from "./expand.ts";
import type { ActiveAlertView, AlertingRuleView, HeldAlert } from "./interface.ts";
import type { AlertingRuleConfig } from "./rule-file.ts";
import { type EvaluationContext, RuleError, type RuleOutcome, RuleStatus, type SeriesWrite } from "./rule-status.ts";

export const ALERTS = "ALERTS";
export const ALERTS_FOR_STATE = "ALERTS_FOR_STATE";

/** A firing alert is told again after this, so that the receiving side keeps it. */
export const RESEND_DELAY_MS = 60_000;
/** A resolved alert is kept and told again for this long, in case a message was lost. */
export const RESOLVED_RETENTION_MS = 15 * 60_000;
/** How long after a restart an alert that shows up again is still the one from before: the lookback of queries. */
const REMEMBER_MS = 5 * 60_000;
/** About 10 ms of templates. */
const ALERTS_PER_TURN = 500;

interface Alert {
  readonly labels: Labels;
  annotations: LabelRecord;
  state: "pending" | "firing" | "inactive";
  value: number;
  activeAtMs: number;
  firedAtMs: number;
  /** 0 = not resolved. */
  resolvedAtMs: number;
  /** -Infinity = never. */
  lastSentMs: number;
  /** 0 = its expression holds. */
  keepFiringSinceMs: number;
  /** Label sets of its series, made when first written. */
  readonly series: { pending?: Labels; firing?: Labels; forState?: Labels };
}

/** What a sample became at the evaluation before: while it stays the same, so do the alert's labels and texts. */
interface Expanded {
  readonly labels: Labels;
  readonly annotations: LabelRecord;
  readonly value: number;
}

export class AlertingRule {
  readonly name: string;
  readonly status = new RuleStatus();
  private active = new Map<string, Alert>();
  /** States as they stood before a restart, by label set; taken up by the first evaluation that finds the alert. */
  private remembered = new Map<string, RememberedAlert>();
  private rememberedUntilMs = 0;
  /** By the sample's label set; of the last evaluation only. */
  private expanded = new Map<string, Expanded>();
  private readonly labelsAreStatic: boolean;
  private readonly textsAreRepeatable: boolean;
  /** The set of alerts that must outlive a restart without their cause has changed since it was last asked for. */
  private heldHasChanged = false;

  constructor(readonly config: AlertingRuleConfig) {
    this.name = config.alert;
    const texts = [...Object.values(config.labels), ...Object.values(config.annotations)];
    this.labelsAreStatic = !Object.values(config.labels).some(isTemplate);
    this.textsAreRepeatable = !texts.some((text) => isTemplate(text) && /query|now/.test(text));
  }

  /** Takes over the alerts of the rule that this one replaces at a reload. */
  adopt(before: AlertingRule): void {
    this.active = before.active;
    this.remembered = before.remembered;
    this.rememberedUntilMs = before.rememberedUntilMs;
    this.status.adopt(before.status);
  }

  /**
   * After a restart: what the alerts were before it. Kept for a while, because not every target answers at once.
   * `held` fire on although their expression may not hold.
   */
  restore(remembered: Map<string, RememberedAlert>, held: readonly HeldAlert[], timeMs: number): void {
    this.remembered = remembered;
    this.rememberedUntilMs = timeMs + REMEMBER_MS;
    for (const { labels, annotations, value, activeAtMs, firedAtMs, keepFiringSinceMs } of held) {
      const own = Labels.from(labels);
      // Its series tell whether it fired until the process ended.
      if (!remembered.get(own.key)?.firing) continue;
      remembered.delete(own.key);
      const times = { activeAtMs, firedAtMs, keepFiringSinceMs, resolvedAtMs: 0, lastSentMs: Number.NEGATIVE_INFINITY };
      this.active.set(own.key, { labels: own, annotations, value, state: "firing", ...times, series: {} });
    }
  }

  /** Whether a series of this label set can be of this rule: what its labels say without templates is there. */
  mayOwn(series: Labels): boolean {
    if (series.get("alertname") !== this.name) return false;
    return Object.entries(this.config.labels).every(
      ([name, text]) => name === "alertname" || name === "alertstate" || isTemplate(text) || series.get(name) === text,
    );
  }

  /** True once after a change of `held`. */
  takeHeldChange(): boolean {
    const changed = this.heldHasChanged;
    this.heldHasChanged = false;
    return changed;
  }

  /** The firing alerts of a rule with keep_firing_for. */
  held(): HeldAlert[] {
    if (this.config.keepFiringForMs === 0) return [];
    return [...this.active.values()].filter((alert) => alert.state === "firing").map(heldOf);
  }

  count(state: "pending" | "firing"): number {
    let count = 0;
    for (const alert of this.active.values()) if (alert.state === state) count++;
    return count;
  }

  /** Those that are pending or firing. The objects live as long as the alerts and change with them. */
  *alerts(): IterableIterator<Readonly<Alert>> {
    for (const alert of this.active.values()) if (alert.state !== "inactive") yield alert;
  }

  /** Evaluates at `context.timeMs`. Throws RuleError when the rule cannot be evaluated; its alerts then stay as they are. */
  async evaluate(context: EvaluationContext): Promise<RuleOutcome> {
    const timeMs = context.timeMs;
    const found = await this.found(await context.query(this.config.expression), context);
    for (const [key, alert] of found) {
      const known = this.active.get(key);
      if (known && known.state !== "inactive") {
        known.value = alert.value;
        known.annotations = alert.annotations;
      } else this.active.set(key, alert);
    }
    this.takeUpRemembered(timeMs);
    const series: SeriesWrite[] = [];
    let changed = false;
    let count = 0;
    for (const [key, alert] of this.active) {
      const { state, keepFiringSinceMs } = alert;
      const isNew = found.get(key) === alert;
      const isActive = this.advance(key, alert, found.has(key), timeMs);
      if (state !== alert.state || isNew) changed = true;
      if (state !== alert.state || keepFiringSinceMs !== alert.keepFiringSinceMs)
        this.heldHasChanged ||= this.config.keepFiringForMs > 0;
      if (!isActive) continue;
      count++;
      series.push(...this.seriesOf(alert, timeMs - context.queryOffsetMs));
    }
    if (context.limit > 0 && count > context.limit) {
      this.active.clear();
      throw new RuleError(`exceeded limit of ${context.limit} with ${count} alerts`);
    }
    return { series, changed };
  }

  /** The alerts that the expression gives now, by label set. */
  private async found(vector: readonly VectorSample[], context: EvaluationContext): Promise<Map<string, Alert>> {
    const found = new Map<string, Alert>();
    const expanded = new Map<string, Expanded>();
    for (const sample of vector) {
      const one = await this.expand(sample, context);
      const { labels, annotations, value } = one;
      expanded.set(sample.labels.key, one);
      if (found.has(labels.key)) {
        throw new RuleError("vector contains metrics with the same labelset after applying alert labels");
      }
      found.set(labels.key, {
        labels,
        annotations,
        state: "pending",
        value,
        activeAtMs: context.timeMs,
        firedAtMs: 0,
        resolvedAtMs: 0,
        lastSentMs: Number.NEGATIVE_INFINITY,
        keepFiringSinceMs: 0,
        series: {},
      });
      // Templates of thousands of alerts must not hold up everything else.
      if (found.size % ALERTS_PER_TURN === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.expanded = expanded;
    return found;
  }

  /** Labels and texts of the alert that a sample makes. */
  async expand({ labels, value: number, histogram }: VectorSample, context: EvaluationContext): Promise<Expanded> {
    // As upstream: of a histogram templates and alerts see the value 0.
    const value = histogram ? 0 : number;
    const before = this.expanded.get(labels.key);
    const isSame = before !== undefined && this.textsAreRepeatable && Object.is(before.value, value);
    if (isSame) return before;
    const plain = labels.toJSON();
    const template = { alert: this.name, labels: plain, value, externalLabels: context.externalLabels };
    const expand = (text: string) => context.expand(text, template);
    const merged =
      before && this.labelsAreStatic
        ? before.labels
        : Labels.from({
            ...plain,
            [METRIC_NAME]: "",
            ...(await expandAll(this.config.labels, expand)),
            alertname: this.name,
          });
    return { labels: merged, annotations: await expandAll(this.config.annotations, expand), value };
  }

  private takeUpRemembered(timeMs: number): void {
    if (this.remembered.size === 0) return;
    for (const [key, alert] of this.active) {
      const before = this.remembered.get(key);
      if (!before || alert.state !== "pending") continue;
      this.remembered.delete(key);
      alert.activeAtMs = restoredActiveAt(before, this.config.forMs, timeMs);
      if (before.firing) {
        alert.state = "firing";
        alert.firedAtMs = before.activeAtMs + this.config.forMs;
      }
    }
    if (timeMs > this.rememberedUntilMs) this.remembered.clear();
  }

  /** Moves one alert's state on; false when it has no series (it is gone, or resolved and only kept to be told). */
  private advance(key: string, alert: Alert, holds: boolean, timeMs: number): boolean {
    if (holds) alert.keepFiringSinceMs = 0;
    else {
      const keeps = this.keepsFiring(alert, timeMs);
      const isOld = alert.resolvedAtMs > 0 && timeMs - alert.resolvedAtMs > RESOLVED_RETENTION_MS;
      if (alert.state === "pending" || isOld) this.active.delete(key);
      if (alert.state !== "inactive" && !keeps) {
        alert.state = "inactive";
        alert.resolvedAtMs = timeMs;
      }
      if (!keeps) return false;
    }
    if (alert.state === "pending" && timeMs - alert.activeAtMs >= this.config.forMs) {
      alert.state = "firing";
      alert.firedAtMs = timeMs;
    }
    return true;
  }

  private keepsFiring(alert: Alert, timeMs: number): boolean {
    if (alert.state !== "firing" || this.config.keepFiringForMs === 0) return false;
    if (alert.keepFiringSinceMs === 0) alert.keepFiringSinceMs = timeMs;
    return timeMs - alert.keepFiringSinceMs < this.config.keepFiringForMs;
  }

  private seriesOf({ labels, state, activeAtMs, series }: Alert, timeMs: number): SeriesWrite[] {
    const name = state === "firing" ? "firing" : "pending";
    series[name] ??= labels.with(METRIC_NAME, ALERTS).with("alertstate", state);
    series.forState ??= labels.with(METRIC_NAME, ALERTS_FOR_STATE);
    return [
      { labels: series[name], timeMs, value: 1 },
      { labels: series.forState, timeMs, value: Math.floor(activeAtMs / 1000) },
    ];
  }

  /**
   * What is to be told now: alerts that fire or resolved, at once when new and again after the resend delay. `sent` is
   * called when they are handed over; otherwise they are due again at the next evaluation.
   */
  toSend(context: EvaluationContext, intervalMs: number, externalUrl: string): DueAlerts {
    const timeMs = context.timeMs;
    const due = [...this.active.values()].filter((alert) => isDue(alert, timeMs));
    if (due.length === 0) return { alerts: [], sent: () => {} };
    const generatorUrl = `${externalUrl}/graph?g0.expr=${encodeExpression(this.config.expression)}&g0.tab=1`;
    // Long enough for the receiver to live through two failed evaluations or messages.
    const validUntilMs = timeMs + 4 * Math.max(intervalMs, RESEND_DELAY_MS);
    const alerts = due.map((alert): PostableAlert => {
      const isChange = alert.lastSentMs < alert.firedAtMs || alert.resolvedAtMs > alert.lastSentMs;
      return {
        labels: { ...context.externalLabels, ...alert.labels.toJSON() },
        annotations: alert.annotations,
        startsAtMs: alert.firedAtMs,
        endsAtMs: alert.resolvedAtMs > 0 ? alert.resolvedAtMs : validUntilMs,
        generatorUrl,
        ...(isChange && context.arrivedAtMs !== undefined ? { arrivedAtMs: context.arrivedAtMs } : {}),
      };
    });
    const sent = () => {
      for (const alert of due) alert.lastSentMs = timeMs;
    };
    return { alerts, sent };
  }

  view(): AlertingRuleView {
    const alerts: ActiveAlertView[] = [];
    for (const alert of this.active.values()) {
      const { state } = alert;
      if (state === "inactive") continue;
      alerts.push({
        labels: alert.labels.toJSON(),
        annotations: alert.annotations,
        state,
        activeAtMs: alert.activeAtMs,
        value: alert.value,
        ...(alert.keepFiringSinceMs > 0 ? { keepFiringSinceMs: alert.keepFiringSinceMs } : {}),
      });
    }
    const isFiring = alerts.some((alert) => alert.state === "firing");
    const { config } = this;
    return {
      type: "alerting",
      name: this.name,
      query: config.expression,
      labels: config.labels,
      annotations: config.annotations,
      forMs: config.forMs,
      keepFiringForMs: config.keepFiringForMs,
      state: isFiring ? "firing" : alerts.length > 0 ? "pending" : "inactive",
      alerts,
      ...this.status.view(),
    };
  }
}

export interface DueAlerts {
  readonly alerts: readonly PostableAlert[];
  readonly sent: () => void;
}

function heldOf({ labels, annotations, value, activeAtMs, firedAtMs, keepFiringSinceMs }: Alert): HeldAlert {
  return { labels: labels.toJSON(), annotations, value, activeAtMs, firedAtMs, keepFiringSinceMs };
}

function isTemplate(text: string): boolean {
  return text.includes("{{");
}

/** An alert as it stood when the process ended. */
export interface RememberedAlert {
  readonly activeAtMs: number;
  /** Its last sample: when the process was last known to run. */
  readonly lastSeenMs: number;
  readonly firing: boolean;
}

/**
 * The time for which an alert was down does not count towards `for`, what it had waited before does. (Prometheus also
 * makes every restored alert wait another 10 minutes; here the data lies in the same process and is back at once.)
 */
function restoredActiveAt(before: RememberedAlert, forMs: number, timeMs: number): number {
  const waitedMs = before.lastSeenMs - before.activeAtMs;
  return before.firing || waitedMs >= forMs ? before.activeAtMs : before.activeAtMs + (timeMs - before.lastSeenMs);
}

function isDue(alert: Alert, timeMs: number): boolean {
  if (alert.state === "pending") return false;
  if (alert.resolvedAtMs > 0 && alert.resolvedAtMs > alert.lastSentMs) return true;
  return alert.lastSentMs + RESEND_DELAY_MS < timeMs;
}

async function expandAll(
  texts: LabelRecord,
  expand: (text: string) => ReturnType<Expand>,
): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const name of Object.keys(texts)) {
    const text = texts[name];
    result[name] = isTemplate(text) ? await expand(text) : text;
  }
  return result;
}

/** url.QueryEscape, for the link back to the expression. */
function encodeExpression(expression: string): string {
  const escaped = encodeURIComponent(expression).replaceAll("%20", "+");
  return escaped.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
