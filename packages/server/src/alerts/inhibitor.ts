// Which alerts are muted because another one fires. Sources are indexed by their values of `equal`, so that a look-up
// costs one map access for each rule, however many alerts fire.
import { type LabelRecord, scopeAllows, TENANT_LABEL } from "@storewatch/model";
import { type AlertRecord, isResolved } from "./alert.ts";
import type { InhibitRuleConfig } from "./config/types.ts";
import { matchesLabels } from "./matchers/parse.ts";

interface IndexedRule {
  readonly config: InhibitRuleConfig;
  /** Values of `equal` → fingerprint → source. */
  readonly sources: Map<string, Map<string, AlertRecord>>;
}

export class Inhibitor {
  private readonly rules: readonly IndexedRule[];

  constructor(rules: readonly InhibitRuleConfig[]) {
    this.rules = rules.map((config) => ({ config, sources: new Map() }));
  }

  /** A new or changed alert. */
  update(alert: AlertRecord): void {
    for (const { config, sources } of this.rules) {
      if (!matchesLabels(config.source, alert.labels)) continue;
      const key = keyOf(config.equal, alert.labels);
      const known = sources.get(key);
      if (known) known.set(alert.fingerprint, alert);
      else sources.set(key, new Map([[alert.fingerprint, alert]]));
    }
  }

  /** The alert is forgotten. */
  remove(alert: AlertRecord): void {
    for (const { config, sources } of this.rules) {
      const key = keyOf(config.equal, alert.labels);
      const known = sources.get(key);
      known?.delete(alert.fingerprint);
      if (known?.size === 0) sources.delete(key);
    }
  }

  /** Fingerprints of the alerts that mute one with these labels; the first rule that does decides. */
  inhibitedBy(labels: LabelRecord, nowMs: number): string[] {
    for (const { config, sources } of this.rules) {
      if (!matchesLabels(config.target, labels)) continue;
      // Who is on both sides of a rule is not muted by another who is, so that alerts do not mute themselves.
      const bothSides = matchesLabels(config.source, labels);
      for (const source of sources.get(keyOf(config.equal, labels))?.values() ?? []) {
        if (isResolved(source, nowMs)) continue;
        if (bothSides && matchesLabels(config.target, source.labels)) continue;
        if (!scopeAllows(source.scope, labels[TENANT_LABEL] ?? "")) continue;
        return [source.fingerprint];
      }
    }
    return [];
  }
}

function keyOf(equal: readonly string[], labels: LabelRecord): string {
  return equal.map((name) => labels[name] ?? "").join("\u0000");
}
