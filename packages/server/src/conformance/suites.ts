import { expositionSuite } from "./exposition.ts";
import { promconfigSuite } from "./promconfig.ts";
import { relabelSuite } from "./relabel.ts";
import type { Suite } from "./suite.ts";
import { htmlTemplatesSuite, templatesSuite } from "./templates.ts";

/** Every suite, in the order in which they are run: one line each. */
export const SUITES: readonly Suite[] = [
  promconfigSuite,
  relabelSuite,
  expositionSuite,
  templatesSuite,
  htmlTemplatesSuite,
];
