import type { Clock } from "@storewatch/model";
import type { TemplateSet } from "../template/index.ts";
import type { HttpSend } from "./http.ts";

/** What an integration is made with, besides its configuration. */
export interface IntegrationDependencies {
  readonly clock: Clock;
  readonly http: HttpSend;
  readonly templates: TemplateSet;
}
