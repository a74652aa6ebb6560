// What becomes of a pushed series: its labels as they are stored, its share of a sum, or why it is refused.
import { type Labels, METRIC_NAME, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import type { PushedRollups, Share } from "../limits/pushed-rollups.ts";
import type { LimitName } from "../limits/settings.ts";
import type { TenantLimits } from "../limits/tenant-limits.ts";
import { isLabelName, isMetricName } from "../relabel.ts";
import type { RefusalReason } from "./interface.ts";

export type Verdict =
  | { readonly labels: Labels; readonly tenant: string; readonly share: Share | undefined; readonly epoch: number }
  | {
      readonly labels: undefined;
      readonly reason: RefusalReason;
      readonly why: string;
      /** The limit of the tenant that it was. */
      readonly limit: LimitName | undefined;
      /** As they would have been stored; of no meaning where no limit is named. */
      readonly refused: Labels;
      readonly epoch: number;
    };

/** A series is kept whole in the index and in the log: the sum of its names and values has a bound, in characters. */
const LABELS_LENGTH_MAX = 65_536;
/** Series whose labels are remembered as checked, in each of two generations. */
const REMEMBERED_MAX = 100_000;
const SCOPES_MAX = 1000;

interface Generations {
  young: Map<Labels, Verdict>;
  old: Map<Labels, Verdict>;
}

export class Judge {
  private readonly scopes = new Map<string, Generations>();

  constructor(
    private readonly limits: TenantLimits,
    private readonly rollups: PushedRollups,
  ) {}

  /** `remember`: the same Labels objects will come again. */
  of(scope: TenantScope, remember: boolean): (labels: Labels) => Verdict {
    if (!remember) return (labels) => this.judge(scope, labels);
    const generations = this.generationsOf(scope);
    return (labels) => {
      const { epoch } = this.limits;
      const hit = generations.young.get(labels);
      if (hit && hit.epoch === epoch) return hit;
      const older = generations.old.get(labels);
      const verdict = older && older.epoch === epoch ? older : this.judge(scope, labels);
      if (generations.young.size >= REMEMBERED_MAX) {
        generations.old = generations.young;
        generations.young = new Map();
      }
      generations.young.set(labels, verdict);
      return verdict;
    };
  }

  private generationsOf(scope: TenantScope): Generations {
    const key = scope.kind === "all" ? "" : [...scope.ids].sort().join(",");
    let known = this.scopes.get(key);
    if (!known) {
      if (this.scopes.size >= SCOPES_MAX) this.scopes.clear();
      known = { young: new Map(), old: new Map() };
      this.scopes.set(key, known);
    }
    return known;
  }

  private judge(scope: TenantScope, given: Labels): Verdict {
    const { epoch } = this.limits;
    const placed = place(scope, given);
    if (!("labels" in placed)) return { ...placed, labels: undefined, limit: undefined, refused: given, epoch };
    const { labels } = placed;
    const tenant = labels.get(TENANT_LABEL);
    const admission = this.limits.admit(labels, 0);
    const refuse = (reason: RefusalReason, why: string, limit: LimitName): Verdict => {
      return { labels: undefined, reason, why: `${shortText(labels)}: ${why}`, limit, refused: labels, epoch };
    };
    if (admission.kind === "refused") {
      return refuse(
        admission.limit === "labels" ? "labels-limit" : "label-length-limit",
        admission.why,
        admission.limit,
      );
    }
    if (admission.kind === "admitted") {
      this.rollups.release(tenant, labels);
      return { labels, tenant, share: undefined, epoch };
    }
    const share = this.rollups.share(labels, admission);
    if (share) return { labels, tenant, share, epoch };
    const why = `its shop has reached its limit of ${admission.allowed} active series, and this one cannot be added to others`;
    return refuse("series-limit", why, admission.limit);
  }
}

/** The labels with their tenant, as the scope gives it, or why not. */
export function place(
  scope: TenantScope,
  labels: Labels,
): { readonly labels: Labels } | { readonly reason: RefusalReason; readonly why: string } {
  const bad = invalidity(labels);
  if (bad !== undefined) return { reason: "invalid", why: `${shortText(labels)}: ${bad}` };
  if (scope.kind === "all") return { labels };
  const id = labels.get(TENANT_LABEL);
  if (id !== "") {
    if (scopeAllows(scope, id)) return { labels };
    const why = `${shortText(labels)}: names shop ${id}, and neither the credential nor the request is for it`;
    return { reason: "out-of-scope", why };
  }
  const [only, ...others] = scope.ids;
  if (only === undefined || others.length > 0) {
    const why = `${shortText(labels)}: names no ${TENANT_LABEL}, and the credential is for several`;
    return { reason: "out-of-scope", why };
  }
  return { labels: labels.with(TENANT_LABEL, only) };
}

function invalidity(labels: Labels): string | undefined {
  const { pairs } = labels;
  let length = 0;
  let hasName = false;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i];
    length += name.length + pairs[i + 1].length;
    if (name === METRIC_NAME) {
      hasName = true;
      if (!isMetricName(pairs[i + 1], "utf8")) return "invalid metric name";
    } else if (!isLabelName(name, "utf8")) return "invalid label name";
  }
  if (!hasName) return "missing metric name (__name__ label)";
  if (length > LABELS_LENGTH_MAX) return `its labels have ${length} characters, at most ${LABELS_LENGTH_MAX} are taken`;
  return undefined;
}

export function shortText(labels: Labels): string {
  const text = labels.toString();
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
