export { openTsdb } from "./database.ts";
export { copyTsdb } from "./disk/copy.ts";
export { DataDirError } from "./disk/data-dir.ts";
export {
  type AppendResult,
  type Arrival,
  type BackfillResult,
  type Cardinality,
  type CardinalityItem,
  type ChangeView,
  type EraseProgress,
  type ExemplarResult,
  type RetentionClass,
  type RetentionOptions,
  type RowWriter,
  type SelectHints,
  type SelectOptions,
  type Slices,
  TooManySamples,
  type Tsdb,
  type TsdbOptions,
  type TsdbProblem,
  type TsdbStats,
} from "./interface.ts";
