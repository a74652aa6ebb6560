export {
  ALERTMANAGER_FUNCTION_NAMES,
  type AlertmanagerTemplateOptions,
  alertmanagerFunctions,
} from "./alertmanager.ts";
export { DEFAULT_TEMPLATES } from "./default.ts";
export { TemplateError, type TemplateFunction, type TemplateSet, type TemplateValue } from "./interface.ts";
export { exampleNotification, type NotificationTemplateOptions, notificationTemplateData } from "./notification.ts";
export {
  PROMETHEUS_FUNCTION_NAMES,
  type PrometheusTemplateOptions,
  prometheusFunctions,
  type QueriedSample,
} from "./prometheus.ts";
export { checkTemplate, createTemplateSet, type TemplateSetOptions } from "./template-set.ts";
export { GoDuration, GoTime } from "./time.ts";
export { fromJson, GoList, GoMap, GoStruct, stringMap } from "./values.ts";
