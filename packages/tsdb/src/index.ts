export { openTsdb } from "./database.ts";
export { DataDirError } from "./disk/data-dir.ts";
export {
  type AppendResult,
  type Arrival,
  type ChangeView,
  type RetentionClass,
  type RetentionOptions,
  type RowWriter,
  type SelectOptions,
  type Slices,
  TooManySamples,
  type Tsdb,
  type TsdbOptions,
  type TsdbProblem,
  type TsdbStats,
} from "./interface.ts";
