import { alertmanagerConfigSuite } from "./alertmanager-config.ts";
import { alertmanagerScenariosSuite } from "./alertmanager-scenarios.ts";
import { alertmanagerTablesSuite } from "./alertmanager-tables.ts";
import { communityRulesSuite } from "./community-rules.ts";
import { complianceSuite } from "./compliance.ts";
import { dashboardsSuite } from "./dashboards.ts";
import { expositionSuite } from "./exposition.ts";
import { goHtmlTemplatesSuite, goTextTemplatesSuite } from "./go-templates.ts";
import { promconfigSuite } from "./promconfig.ts";
import { promqlLexSuite, promqlParseSuite, promqlPrinterSuite } from "./promql-tables.ts";
import { promqltestExperimentalSuite, promqltestNativeSuite, promqltestSuite } from "./promqltest.ts";
import { relabelSuite } from "./relabel.ts";
import { promtoolTestsSuite, ruleUnitTestsSuite } from "./rule-unit-tests.ts";
import { rulefmtSuite } from "./rulefmt.ts";
import type { Suite } from "./suite.ts";
import { alertmanagerTemplatesSuite, prometheusTemplatesSuite } from "./template-tables.ts";
import { htmlTemplatesSuite, templatesSuite } from "./templates.ts";

/** Every suite, in the order in which they are run: one line each. */
export const SUITES: readonly Suite[] = [
  promqltestSuite,
  promqltestNativeSuite,
  promqltestExperimentalSuite,
  promqlLexSuite,
  promqlParseSuite,
  promqlPrinterSuite,
  promconfigSuite,
  relabelSuite,
  expositionSuite,
  templatesSuite,
  htmlTemplatesSuite,
  prometheusTemplatesSuite,
  alertmanagerTemplatesSuite,
  goTextTemplatesSuite,
  goHtmlTemplatesSuite,
  rulefmtSuite,
  ruleUnitTestsSuite,
  promtoolTestsSuite,
  communityRulesSuite,
  alertmanagerScenariosSuite,
  alertmanagerConfigSuite,
  alertmanagerTablesSuite,
  dashboardsSuite,
  complianceSuite,
];
