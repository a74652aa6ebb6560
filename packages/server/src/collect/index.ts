// What others may use of collecting.
export { type Collector, type CollectorOptions, type CollectStore, createCollector } from "./collector.ts";
export type { TargetBoard, TargetStatus } from "./interface.ts";
export {
  type ConfigSources,
  fileSources,
  findRuleFiles,
  loadPrometheusConfig,
  type PrometheusConfig,
  parsePrometheusConfig,
  type ScrapeConfig,
} from "./prometheus-config.ts";
export type { SelfTargetOptions } from "./self.ts";
