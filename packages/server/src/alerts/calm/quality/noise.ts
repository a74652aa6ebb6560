// How much of what a rule tells people is noise, in a number and in words.
import type { QualityCounts, RuleQuality } from "@storewatch/model/api";

/** Fewer firings say nothing of a rule. */
const FIRINGS_AT_LEAST = 3;
/** Told so often in a week, a rule weighs fully; one that is seldom told disturbs little, whatever it says. */
const FULL_WEIGHT_PER_WEEK = 5;
const WEEK_MS = 7 * 86_400_000;

interface Shares {
  /** Of the firings that people were told of: neither opened nor acted upon. */
  readonly ignored: number;
  /** Of the resolved: ended within 5 minutes. */
  readonly short: number;
  readonly flapping: number;
  readonly silenced: number;
}

export function noiseOf(counts: QualityCounts, rangeMs: number): RuleQuality["noise"] {
  const { fired, notified } = counts;
  if (fired < FIRINGS_AT_LEAST) {
    return { score: null, level: "unknown", words: `Fired ${times(fired)}: too few to judge.`, advice: "" };
  }
  if (notified === 0) {
    return { score: 0, level: "quiet", words: `Fired ${times(fired)}, and nobody was told.`, advice: "" };
  }
  const shares: Shares = {
    ignored: 1 - Math.min(1, Math.max(counts.seen, counts.actedUpon) / notified),
    short: share(counts.short, counts.resolved),
    flapping: share(counts.flapping, fired),
    silenced: share(counts.silenced, fired),
  };
  const worth = 0.5 * shares.ignored + 0.2 * shares.short + 0.2 * shares.flapping + 0.1 * shares.silenced;
  const weight = Math.min(1, notified / (rangeMs / WEEK_MS) / FULL_WEIGHT_PER_WEEK);
  const score = Math.round(100 * worth * (0.4 + 0.6 * weight));
  return { score, level: levelOf(score), words: wordsOf(counts), advice: score < 25 ? "" : adviceOn(shares) };
}

function levelOf(score: number): RuleQuality["noise"]["level"] {
  if (score < 25) return "quiet";
  if (score < 50) return "fair";
  return score < 70 ? "noisy" : "very-noisy";
}

function wordsOf({ notified, seen, actedUpon, short, resolved, flapping, silenced }: QualityCounts): string {
  const looked = seen === 0 ? "nobody opened it" : `opened ${times(seen)}`;
  const acted = actedUpon === 0 ? "nobody acted" : `acted upon ${times(actedUpon)}`;
  const parts = [`Told ${times(notified)}: ${looked}, ${acted}`];
  if (short > 0) parts.push(`${short} of ${resolved} that ended lasted under 5 minutes`);
  if (flapping > 0) parts.push(`it flapped ${times(flapping)}`);
  if (silenced > 0) parts.push(`${times(silenced)} it was silenced`);
  return `${parts.join("; ")}.`;
}

/** On what weighs most. */
function adviceOn({ ignored, short, flapping, silenced }: Shares): string {
  if (flapping >= 0.2) return "It flaps: keep_firing_for, or a threshold with some distance between on and off.";
  if (short >= 0.5) return "Most end by themselves soon: a longer `for` would keep those quiet.";
  if (silenced >= 0.3) return "It is silenced often: route it elsewhere, or let a more telling alert inhibit it.";
  if (ignored >= 0.7) return "Hardly anybody looks at it: is it needed, and is it as severe as it says?";
  return "";
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.min(1, part / whole);
}

function times(n: number): string {
  return n === 1 ? "once" : `${n} times`;
}
