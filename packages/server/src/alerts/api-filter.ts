// Which alerts and silences a request asks for.
import { compileWholeRegex, type Matcher, RegexError, type WholeRegex } from "@storewatch/model";
import { ApiInputError, readFlag } from "./api-input.ts";
import type { ReceiverConfig } from "./config/types.ts";
import type { AlertView } from "./manager.ts";
import { MatcherError, matchesLabels, parseMatchers } from "./matchers/parse.ts";
import { type Silence, stateOf } from "./silences.ts";

/** Matchers of repeated parameters. Throws ApiInputError. */
export function readMatcherParams(params: URLSearchParams, name: string): Matcher[] {
  try {
    return params.getAll(name).flatMap(parseMatchers);
  } catch (error) {
    if (error instanceof MatcherError) throw new ApiInputError(400, error.message);
    throw error;
  }
}

export interface AlertFilter {
  accepts(view: AlertView): boolean;
  readonly acceptsMutedGroups: boolean;
}

/** Throws ApiInputError. */
export function readAlertFilter(params: URLSearchParams, receivers: readonly ReceiverConfig[]): AlertFilter {
  const matchers = readMatcherParams(params, "filter");
  const receiverMatchers = readMatcherParams(params, "receiver_matchers");
  const name = readReceiver(params);
  const active = readFlag(params, "active");
  const silenced = readFlag(params, "silenced");
  const inhibited = readFlag(params, "inhibited");
  readFlag(params, "unprocessed");
  const wanted = new Set(
    receivers
      .filter((r) => (name?.matches(r.name) ?? true) && matchesLabels(receiverMatchers, r.labels))
      .map((r) => r.name),
  );
  return {
    acceptsMutedGroups: readFlag(params, "muted"),
    accepts: (view) =>
      view.receivers.some((receiver) => wanted.has(receiver)) &&
      (active || view.state !== "active") &&
      (silenced || view.silencedBy.length === 0) &&
      (inhibited || view.inhibitedBy.length === 0) &&
      matchesLabels(matchers, view.alert.labels),
  };
}

function readReceiver(params: URLSearchParams): WholeRegex | undefined {
  const pattern = params.get("receiver");
  if (!pattern) return undefined;
  try {
    return compileWholeRegex(pattern);
  } catch (error) {
    if (error instanceof RegexError) throw new ApiInputError(400, `failed to parse receiver param: ${error.message}`);
    throw error;
  }
}

const STATE_ORDER = { active: 0, pending: 1, expired: 2 };

/** Active ones by their end, pending ones by their start, expired ones latest first. Throws ApiInputError. */
export function selectSilences(silences: readonly Silence[], params: URLSearchParams, nowMs: number): Silence[] {
  const matchers = readMatcherParams(params, "filter");
  const wanted = new Set(Object.keys(STATE_ORDER).filter((state) => readFlag(params, state)));
  const values = (silence: Silence) => Object.fromEntries(silence.matchers.map((m) => [m.name, m.value]));
  return silences
    .filter((silence) => wanted.has(stateOf(silence, nowMs)) && matchesLabels(matchers, values(silence)))
    .sort((a, b) => {
      const state = stateOf(a, nowMs);
      const order = STATE_ORDER[state] - STATE_ORDER[stateOf(b, nowMs)];
      if (order !== 0) return order;
      if (state === "active") return a.endsAtMs - b.endsAtMs;
      return state === "pending" ? a.startsAtMs - b.startsAtMs : b.endsAtMs - a.endsAtMs;
    });
}
