// Silences: matchers and a time span. An edit keeps the id where history stays true, else it ends the old one and makes a
// new one.
import { type LabelRecord, Matcher, RegexError, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import { isWellFormed } from "./alert.ts";
import { type MatcherJson, matcherJson, matcherText, matchesLabels } from "./matchers/parse.ts";

export type SilenceState = "active" | "pending" | "expired";

export interface Silence {
  readonly id: string;
  readonly matchers: readonly Matcher[];
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly updatedAtMs: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly annotations: LabelRecord;
}

/** `id` names the silence to edit; `startsAtMs` undefined is now. */
export type SilenceInput = Omit<Silence, "id" | "updatedAtMs" | "startsAtMs"> & {
  readonly id?: string;
  readonly startsAtMs: number | undefined;
};

export class SilenceError extends Error {
  constructor(
    readonly kind: "invalid" | "not-found" | "limit" | "scope",
    message: string,
  ) {
    super(message);
  }
}

export interface SilenceLimits {
  readonly silencesMax: number;
  /** Of matchers, author and comment together. */
  readonly silenceBytesMax: number;
}

export interface SilencesOptions {
  readonly limits: SilenceLimits;
  readonly newId: () => string;
  /** Resolves when it would survive a crash; undefined forgets it. */
  readonly save: (id: string, silence: Silence | undefined) => Promise<void>;
}

/** How long an expired silence can still be read. */
const KEEP_EXPIRED_MS = 120 * 3_600_000;

export class Silences {
  private readonly silences = new Map<string, Silence>();

  constructor(private readonly options: SilencesOptions) {}

  restore(silence: Silence): void {
    this.silences.set(silence.id, silence);
  }

  list(scope: TenantScope): Silence[] {
    return [...this.silences.values()].filter((silence) => isWithin(scope, silence.matchers));
  }

  get(scope: TenantScope, id: string): Silence | undefined {
    const silence = this.silences.get(id);
    return silence && isWithin(scope, silence.matchers) ? silence : undefined;
  }

  /** Creates or edits; returns the id to use from now on. Throws SilenceError. */
  async set(scope: TenantScope, input: SilenceInput, nowMs: number): Promise<string> {
    const startsAtMs = input.startsAtMs ?? nowMs;
    const problem = silenceProblem({ ...input, startsAtMs });
    if (problem) throw new SilenceError("invalid", `invalid silence: ${problem}`);
    if (!isWithin(scope, input.matchers)) {
      throw new SilenceError("scope", `a silence needs a matcher ${TENANT_LABEL}="…" of your own shop`);
    }
    this.checkSize(input);
    const previous = input.id ? this.get(scope, input.id) : undefined;
    if (input.id && !previous) throw new SilenceError("not-found", "silence not found");
    const { createdBy, comment, matchers, endsAtMs, annotations } = input;
    const fields = { createdBy, comment, matchers, endsAtMs, annotations, updatedAtMs: nowMs };
    if (previous && canEdit(previous, { matchers, startsAtMs, endsAtMs }, nowMs)) {
      await this.store({ ...fields, id: previous.id, startsAtMs });
      return previous.id;
    }
    if (this.silences.size >= this.options.limits.silencesMax) throw new SilenceError("limit", "too many silences");
    const id = this.options.newId();
    // Both count before either is written: in between, what the old one hides must not be told.
    const stored = [this.store({ ...fields, id, startsAtMs: Math.max(startsAtMs, nowMs) })];
    if (previous && stateOf(previous, nowMs) !== "expired") stored.push(this.end(previous, nowMs));
    await Promise.all(stored);
    return id;
  }

  /** Throws SilenceError when there is none; an expired one stays as it is. */
  async expire(scope: TenantScope, id: string, nowMs: number): Promise<void> {
    const silence = this.get(scope, id);
    if (!silence) throw new SilenceError("not-found", "silence not found");
    if (stateOf(silence, nowMs) === "expired") throw new SilenceError("invalid", `silence ${id} already expired`);
    await this.end(silence, nowMs);
  }

  /** Ids of the active silences for these labels. */
  silencedBy(labels: LabelRecord, nowMs: number): string[] {
    const ids: string[] = [];
    for (const silence of this.silences.values()) {
      if (stateOf(silence, nowMs) === "active" && matchesLabels(silence.matchers, labels)) ids.push(silence.id);
    }
    return ids.sort();
  }

  /** Active ones that end until the time. */
  activeUntil(nowMs: number, endMs: number): Silence[] {
    return [...this.silences.values()].filter((one) => stateOf(one, nowMs) === "active" && one.endsAtMs <= endMs);
  }

  counts(nowMs: number): Record<SilenceState, number> {
    const counts = { active: 0, pending: 0, expired: 0 };
    for (const silence of this.silences.values()) counts[stateOf(silence, nowMs)] += 1;
    return counts;
  }

  async collectGarbage(nowMs: number): Promise<void> {
    for (const silence of [...this.silences.values()]) {
      if (silence.endsAtMs > nowMs - KEEP_EXPIRED_MS) continue;
      this.silences.delete(silence.id);
      await this.options.save(silence.id, undefined);
    }
  }

  private async end(silence: Silence, nowMs: number): Promise<void> {
    const startsAtMs = Math.min(silence.startsAtMs, nowMs);
    await this.store({ ...silence, startsAtMs, endsAtMs: nowMs, updatedAtMs: nowMs });
  }

  private async store(silence: Silence): Promise<void> {
    // It counts at once; the caller waits until it is also durable.
    this.silences.set(silence.id, silence);
    await this.options.save(silence.id, silence);
  }

  private checkSize(input: SilenceInput): void {
    const bytes = Buffer.byteLength(
      JSON.stringify([input.matchers.map(matcherText), input.createdBy, input.comment, input.annotations]),
    );
    const { silenceBytesMax } = this.options.limits;
    if (bytes > silenceBytesMax) {
      throw new SilenceError("limit", `silence is too large: ${bytes} bytes, at most ${silenceBytesMax}`);
    }
  }
}

export function stateOf(silence: Pick<Silence, "startsAtMs" | "endsAtMs">, nowMs: number): SilenceState {
  if (nowMs < silence.startsAtMs) return "pending";
  return nowMs < silence.endsAtMs ? "active" : "expired";
}

/** Undefined when it is a proper silence. Messages as upstream's. */
export function silenceProblem(
  silence: Pick<Silence, "matchers" | "startsAtMs" | "endsAtMs">,
  classic = false,
): string | undefined {
  if (silence.matchers.length === 0) return "at least one matcher required";
  for (const [i, matcher] of silence.matchers.entries()) {
    const problem = matcherProblem(matcherJson(matcher), classic);
    if (problem) return `invalid label matcher ${i}: ${problem}`;
  }
  if (silence.matchers.every((matcher) => matcher.matchesEmpty)) {
    return "at least one matcher must not match the empty string";
  }
  if (!Number.isFinite(silence.startsAtMs)) return "invalid zero start timestamp";
  if (!Number.isFinite(silence.endsAtMs)) return "invalid zero end timestamp";
  if (silence.endsAtMs < silence.startsAtMs) return "end time must not be before start time";
  return undefined;
}

/** `classic` holds names to Prometheus' old alphabet. */
export function matcherProblem(matcher: MatcherJson, classic = false): string | undefined {
  const goodName = classic
    ? /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(matcher.name)
    : matcher.name !== "" && isWellFormed(matcher.name);
  if (!goodName) return `invalid label name "${matcher.name}"`;
  if (matcher.isRegex) {
    try {
      new Matcher("=~", matcher.name, matcher.value);
    } catch (error) {
      if (error instanceof RegexError) return `invalid regular expression "${matcher.value}": ${error.message}`;
      throw error;
    }
  }
  // U+FFFD is what broken UTF-8 became on the way in.
  if (!isWellFormed(matcher.value) || matcher.value.includes("\ufffd")) return `invalid label value "${matcher.value}"`;
  return undefined;
}

/** Whether an edit leaves what has been true: then the silence keeps its id. */
export function canEdit(
  before: Pick<Silence, "matchers" | "startsAtMs" | "endsAtMs">,
  after: Pick<Silence, "matchers" | "startsAtMs" | "endsAtMs">,
  nowMs: number,
): boolean {
  const text = (silence: Pick<Silence, "matchers">) => silence.matchers.map(matcherText).join(",");
  if (text(before) !== text(after)) return false;
  switch (stateOf(before, nowMs)) {
    case "active":
      return Math.floor(before.startsAtMs / 1000) === Math.floor(after.startsAtMs / 1000) && after.endsAtMs >= nowMs;
    case "pending":
      return after.startsAtMs >= nowMs;
    case "expired":
      return false;
  }
}

/** Tenant-bound: only silences that name one of the tenants. */
export function isWithin(scope: TenantScope, matchers: readonly Matcher[]): boolean {
  if (scope.kind === "all") return true;
  return matchers.some((m) => m.name === TENANT_LABEL && m.operator === "=" && scopeAllows(scope, m.value));
}

/** Form of the stored state. */
export interface SilenceJson extends Omit<Silence, "matchers"> {
  readonly matchers: readonly MatcherJson[];
}

export function silenceToJson(silence: Silence): SilenceJson {
  return { ...silence, matchers: silence.matchers.map(matcherJson) };
}

export function silenceFromJson(json: SilenceJson): Silence {
  return { ...json, matchers: json.matchers.map(matcherFromJson) };
}

/** Throws RegexError. */
export function matcherFromJson({ name, value, isRegex, isEqual }: MatcherJson): Matcher {
  return new Matcher(isRegex ? (isEqual ? "=~" : "!~") : isEqual ? "=" : "!=", name, value);
}
