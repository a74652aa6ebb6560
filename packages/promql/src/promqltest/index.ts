export { storedHint } from "../engine/histogram/hints.ts";
export { formatHistogram } from "./histogram-notation.ts";
export { MemoryStore } from "./memory-store.ts";
export { type CaseResult, runScript, type ScriptOptions } from "./runner.ts";
export { ScriptError } from "./script.ts";
export {
  parseSeriesItems,
  parseSeriesLine,
  type SeriesItem,
  type SeriesLine,
  SeriesSyntaxError,
} from "./series-line.ts";
