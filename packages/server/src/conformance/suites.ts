import { alertmanagerConfigSuite } from "./alertmanager-config.ts";
import { alertmanagerScenariosSuite } from "./alertmanager-scenarios.ts";
import { alertmanagerTablesSuite } from "./alertmanager-tables.ts";
import { expositionSuite } from "./exposition.ts";
import { promconfigSuite } from "./promconfig.ts";
import { promqlParseSuite, promqlPrinterSuite } from "./promql-tables.ts";
import { promqltestExperimentalSuite, promqltestNativeSuite, promqltestSuite } from "./promqltest.ts";
import { relabelSuite } from "./relabel.ts";
import type { Suite } from "./suite.ts";
import { htmlTemplatesSuite, templatesSuite } from "./templates.ts";

/** Every suite, in the order in which they are run: one line each. */
export const SUITES: readonly Suite[] = [
  promqltestSuite,
  promqltestNativeSuite,
  promqltestExperimentalSuite,
  promqlParseSuite,
  promqlPrinterSuite,
  promconfigSuite,
  relabelSuite,
  expositionSuite,
  templatesSuite,
  htmlTemplatesSuite,
  alertmanagerScenariosSuite,
  alertmanagerConfigSuite,
  alertmanagerTablesSuite,
];
