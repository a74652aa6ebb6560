export { checkRules } from "./check.ts";
export type { JournalEntry } from "./evaluation-journal.ts";
export type {
  ActiveAlertView,
  AlertingRuleView,
  RecordingRuleView,
  RuleBoard,
  RuleDependencies,
  RuleGroupView,
  RuleView,
} from "./interface.ts";
export { loadRuleFiles } from "./load.ts";
export { createRuleEngine, type RuleEngine, type RuleEngineOptions, type RuleSettings } from "./rule-engine.ts";
export {
  type AlertingRuleConfig,
  isPrometheusRule,
  parseRuleFile,
  type RecordingRuleConfig,
  type RuleConfig,
  type RuleFileOptions,
  type RuleGroupConfig,
  readRuleDocument,
} from "./rule-file.ts";
export { type RuleTestOptions, type RuleTestResult, testRules } from "./unit-test.ts";
