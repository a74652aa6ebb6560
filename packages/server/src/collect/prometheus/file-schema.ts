// The whole of a Prometheus file, and of a file that `scrape_config_files` names.
import { z } from "zod";
import { integer, section, texts } from "./fields.ts";
import {
  alertingFields,
  otlpFields,
  remoteReadFields,
  remoteWriteFields,
  storageFields,
  tracingFields,
} from "./other-sections.ts";
import { globalFields, scrapeConfigsFields } from "./scrape-fields.ts";

export const fileSchema = z.strictObject({
  global: globalFields,
  runtime: section({ gogc: integer }),
  rule_files: texts,
  scrape_config_files: texts,
  scrape_configs: scrapeConfigsFields,
  alerting: alertingFields,
  remote_write: remoteWriteFields,
  remote_read: remoteReadFields,
  storage: storageFields,
  tracing: tracingFields,
  otlp: otlpFields,
});
export type PrometheusFields = z.output<typeof fileSchema>;

export const scrapeFileSchema = z.strictObject({ scrape_configs: scrapeConfigsFields });
