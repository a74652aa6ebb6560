// Scripts as text → commands. The grammar is upstream's promqltest.
import { parseDurationMs } from "@storewatch/model";
import { unquote } from "../parser/text.ts";
import {
  isStartsLine,
  numberOf,
  parseSeriesLine,
  parseStartsLine,
  type SeriesLine,
  type StartsLine,
} from "./series-line.ts";

export type Expectation = "fail" | "warn" | "info" | "no_warn" | "no_info" | "ordered";

export interface ExpectLine {
  readonly type: Expectation;
  readonly match: { readonly kind: "msg" | "regex"; readonly text: string } | undefined;
}

export interface RangeVectorTimes {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

export interface EvalCommand {
  readonly kind: "eval";
  /** From 1. */
  readonly line: number;
  readonly expression: string;
  /** An instant is a range of one step with stepMs 0. */
  readonly instant: boolean;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly expects: readonly ExpectLine[];
  /** A legacy `eval` forbids annotations that the newer form ignores; upstream has dropped that too. */
  readonly rangeVector: RangeVectorTimes | undefined;
  readonly string: string | undefined;
  readonly scalar: number | undefined;
  readonly series: readonly SeriesLine[];
}

export type Command =
  | { readonly kind: "clear"; readonly line: number }
  | {
      readonly kind: "load";
      readonly line: number;
      readonly stepMs: number;
      readonly customBuckets: boolean;
      readonly series: readonly SeriesLine[];
      readonly starts: readonly StartsLine[];
    }
  | EvalCommand;

/** A script that cannot be read. */
export class ScriptError extends Error {
  constructor(
    readonly line: number,
    reason: string,
  ) {
    super(`line ${line}: ${reason}`);
  }
}

const LOAD = /^load(?:_(with_nhcb))?\s+(.+?)$/;
const INSTANT = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+)\s+)?(.+)$/;
const RANGE = /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$/;
const EXPECT = /^expect\s+(fail|warn|info|no_warn|no_info|ordered)(?:\s+(msg|regex):\s*(.*))?$/;
const EXPECT_RANGE = /^expect\s+range\s+vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/;

export function parseScript(text: string): Command[] {
  const lines = text.split("\n").map((line) => line.trim());
  // A comment counts as an empty line, which ends a block.
  const content = lines.map((line) => (line.startsWith("#") ? "" : line));
  const commands: Command[] = [];
  for (let i = 0; i < content.length; i++) {
    if (content[i] === "") continue;
    const line = i + 1;
    const body: string[] = [];
    if (content[i] !== "clear") while (i + 1 < content.length && content[i + 1] !== "") body.push(content[++i]);
    commands.push(parseCommand(content[line - 1], body, line));
  }
  return commands;
}

function parseCommand(head: string, body: readonly string[], line: number): Command {
  if (head === "clear") return { kind: "clear", line };
  const load = LOAD.exec(head);
  try {
    if (load) {
      const starts = body.filter(isStartsLine).map(parseStartsLine);
      const series = body.filter((text) => !isStartsLine(text)).map(parseSeriesLine);
      return { kind: "load", line, stepMs: timeMs(load[2]), customBuckets: load[1] !== undefined, series, starts };
    }
    return parseEval(head, body, line);
  } catch (error) {
    if (error instanceof ScriptError) throw error;
    throw new ScriptError(line, error instanceof Error ? error.message : String(error));
  }
}

function parseEval(head: string, body: readonly string[], line: number): EvalCommand {
  const range = RANGE.exec(head);
  const instant = range ? null : INSTANT.exec(head);
  if (!range && !instant) throw new ScriptError(line, `unknown command: ${head}`);
  const legacy = (range ?? instant)![1] as Expectation | undefined;
  const expects: ExpectLine[] = legacy ? [{ type: legacy, match: undefined }] : [];
  let rangeVector: RangeVectorTimes | undefined;
  let string: string | undefined;
  let scalar: number | undefined;
  const series: SeriesLine[] = [];
  for (const text of body) {
    const times = EXPECT_RANGE.exec(text);
    const legacyMatch = /^expected_fail_(message|regexp)\s+(.+)$/.exec(text);
    if (times) rangeVector = { fromMs: timeMs(times[1]), toMs: timeMs(times[2]), stepMs: timeMs(times[3]) };
    else if (text.startsWith("expect string ")) string = unquote(text.slice("expect string ".length).trim());
    else if (legacyMatch) {
      const kind = legacyMatch[1] === "message" ? "msg" : "regex";
      expects.push({ type: "fail", match: { kind, text: legacyMatch[2] } });
    } else if (/^expect\s/.test(text)) expects.push(parseExpect(text, line));
    else if (isNumber(text)) scalar = numberOf(text);
    else series.push(parseSeriesLine(text));
  }
  const result = { expects, rangeVector, string, scalar, series };
  if (range) {
    const [, , from, to, step, expression] = range;
    const times = { startMs: timeMs(from), endMs: timeMs(to), stepMs: timeMs(step) };
    return { kind: "eval", line, expression, instant: false, ...times, ...result };
  }
  const atMs = instant![2] === undefined ? 0 : timeMs(instant![2]);
  const times = { startMs: atMs, endMs: atMs, stepMs: 0 };
  return { kind: "eval", line, expression: instant![3], instant: true, ...times, ...result };
}

function parseExpect(text: string, line: number): ExpectLine {
  const match = EXPECT.exec(text);
  if (!match) throw new ScriptError(line, `cannot read: ${text}`);
  const type = match[1] as Expectation;
  if (match[2] === undefined) return { type, match: undefined };
  return { type, match: { kind: match[2] as "msg" | "regex", text: match[3] } };
}

function isNumber(text: string): boolean {
  try {
    numberOf(text);
    return true;
  } catch {
    return false;
  }
}

/** A time or a step: a duration, or a number of seconds. */
function timeMs(text: string): number {
  const negative = text.startsWith("-");
  const digits = negative ? text.slice(1) : text;
  const ms = parseDurationMs(digits) ?? Math.round(numberOf(digits) * 1000);
  return negative ? -ms : ms;
}
