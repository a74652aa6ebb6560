export { createEngine } from "./engine.ts";
export { allBuckets, type HistogramBucket } from "./histogram/bounds.ts";
export {
  type Engine,
  type EngineOptions,
  type MatrixSeries,
  type Queryable,
  QueryError,
  type QueryRequest,
  type QueryResult,
  type QueryShare,
  type QueryStats,
  type QueryValue,
  type SelectHints,
  type VectorSample,
} from "./queryable.ts";
export { SharedResults } from "./shared.ts";
