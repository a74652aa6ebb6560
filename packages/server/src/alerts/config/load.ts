// An Alertmanager file (keys of 0.34) → AlertmanagerConfig, or findings with line and column.
import type { Finding } from "@storewatch/model";
import { z } from "zod";
import { type ConfigDocument, ConfigError, validate } from "../../config/document.ts";
import { Builder, type LoadOptions } from "./builder.ts";
import { checkGlobal, type GlobalInput, globalSchema } from "./global.ts";
import { maskedText } from "./mask.ts";
import { checkOther, OTHER_KINDS } from "./other-receivers.ts";
import { buildEmail, buildSlack, buildWebhook, emailSchema, slackSchema, webhookSchema } from "./receivers.ts";
import { buildRootRoute, collectMatchers, regexMap, routeSchema } from "./routing-tree.ts";
import { matchers, maybe, maybeFlag, maybeText, textMap, texts } from "./schema.ts";
import { BUILDERS, buildContext, type OtherInput } from "./service-receivers.ts";
import { buildTimeIntervals, timeIntervalsSchema } from "./time-intervals.ts";
import type { AlertmanagerConfig, InhibitRuleConfig, IntegrationConfig, ReceiverConfig } from "./types.ts";

const inhibitSchema = z.strictObject({
  name: maybeText,
  source_match: textMap,
  source_match_re: regexMap,
  source_matchers: matchers,
  target_match: textMap,
  target_match_re: regexMap,
  target_matchers: matchers,
  equal: texts,
});

/** `- ` alone in a list of integrations is null; what that means depends on the kind. */
function listOf<S extends z.ZodType>(schema: S) {
  return maybe(z.array(schema.nullable()));
}

const receiverSchema = z.strictObject({
  name: maybeText,
  labels: textMap,
  email_configs: listOf(emailSchema),
  slack_configs: listOf(slackSchema),
  webhook_configs: listOf(webhookSchema),
  ...Object.fromEntries(Object.entries(OTHER_KINDS).map(([name, kind]) => [`${name}_configs`, listOf(kind.schema)])),
});

const fileSchema = z.strictObject({
  global: maybe(globalSchema),
  templates: texts,
  route: maybe(routeSchema),
  receivers: maybe(z.array(receiverSchema)),
  inhibit_rules: maybe(z.array(inhibitSchema.nullable())),
  time_intervals: timeIntervalsSchema,
  mute_time_intervals: timeIntervalsSchema,
  tracing: maybe(z.looseObject({ insecure: maybeFlag })),
});

export interface LoadedConfig {
  readonly config: AlertmanagerConfig;
  /** Warnings and remarks; none is an error. */
  readonly findings: readonly Finding[];
}

/** Throws ConfigError with every problem found. */
export function loadAlertmanagerConfig(document: ConfigDocument, options: LoadOptions = {}): LoadedConfig {
  if (typeof document.data !== "object" || document.data === null || Array.isArray(document.data)) {
    throw new ConfigError([document.finding([], "no route provided in config", { code: "ALERTMANAGER_CONFIG" })]);
  }
  const input = validate(fileSchema, document);
  const builder = new Builder(document, options);
  const global: GlobalInput = input.global ?? {};
  checkGlobal(builder, global);
  if (!input.route) builder.error([], "no route provided in config");
  if (input.tracing)
    builder.warn(["tracing"], "NOT_IN_THIS_VERSION", "tracing is not in this version", "No traces are sent.");
  const receivers = buildReceivers(builder, input.receivers ?? [], global);
  const timeIntervals = buildTimeIntervals(builder, {
    time_intervals: input.time_intervals,
    mute_time_intervals: input.mute_time_intervals,
  });
  const names = { receivers: new Set(receivers.map((r) => r.name)), timeIntervals: new Set(timeIntervals.keys()) };
  const route = buildRootRoute(builder, input.route ?? {}, names);
  const config: AlertmanagerConfig = {
    original: maskedText(document.data),
    resolveTimeoutMs: global.resolve_timeout ?? 300_000,
    route,
    receivers,
    inhibitRules: buildInhibitRules(builder, input.inhibit_rules ?? []),
    timeIntervals,
    templates: (input.templates ?? []).map((glob) => builder.file(glob)),
  };
  const findings = withoutRepeats(builder.findings);
  const errors = findings.filter((finding) => finding.severity === "error");
  if (errors.length > 0) throw new ConfigError(findings);
  return { config, findings };
}

/** What global settings cause is found once for each receiver that inherits them. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((f) => [`${f.line}:${f.column}:${f.message}`, f])).values()];
}

function buildInhibitRules(
  builder: Builder,
  inputs: readonly (z.output<typeof inhibitSchema> | null)[],
): InhibitRuleConfig[] {
  return inputs.flatMap((input, i) => {
    const path = ["inhibit_rules", i];
    if (input === null) {
      builder.warn(path, "INHIBIT_EMPTY", "an empty inhibition rule does nothing");
      return [];
    }
    const { source_match, source_match_re, source_matchers, target_match, target_match_re, target_matchers } = input;
    const source = collectMatchers(builder, source_match, source_match_re, source_matchers, path, "source_match_re");
    const target = collectMatchers(builder, target_match, target_match_re, target_matchers, path, "target_match_re");
    return [{ source, target, equal: input.equal ?? [], path }];
  });
}

function buildReceivers(
  builder: Builder,
  inputs: readonly z.output<typeof receiverSchema>[],
  global: GlobalInput,
): ReceiverConfig[] {
  const seen = new Set<string>();
  return inputs.map((input, i) => {
    const path = ["receivers", i];
    const name = input.name ?? "";
    if (name === "") builder.error(path, "missing name in receiver");
    if (seen.has(name)) builder.error(path, `notification config name "${name}" is not unique`);
    seen.add(name);
    return { name, labels: input.labels ?? {}, integrations: buildIntegrations(builder, input, global, path) };
  });
}

const UNDELIVERED = "It is read and checked only; notifications to it count as failed and stand so in the log.";

function buildIntegrations(
  builder: Builder,
  input: z.output<typeof receiverSchema>,
  global: GlobalInput,
  path: ReadonlyArray<string | number>,
): IntegrationConfig[] {
  const each = <T, R>(
    kind: string,
    list: readonly (T | null)[] | undefined,
    make: (item: T, i: number, at: ReadonlyArray<string | number>) => R,
  ) =>
    (list ?? []).flatMap((item, i) => {
      const at = [...path, `${kind}_configs`, i];
      if (item !== null) return [make(item, i, at)];
      builder.error(at, `missing ${kind} config`);
      return [];
    });
  const integrations: IntegrationConfig[] = [
    ...each("webhook", input.webhook_configs, (item, i, at) => buildWebhook(builder, item, global, i, at)),
    ...each("email", input.email_configs, (item, i, at) => buildEmail(builder, item, global, i, at)),
    ...each("slack", input.slack_configs, (item, i, at) => buildSlack(builder, item, global, i, at)),
  ];
  const others = input as Readonly<Record<string, unknown>>;
  for (const [name, kind] of Object.entries(OTHER_KINDS)) {
    let list = others[`${name}_configs`] as readonly (OtherInput | null)[] | undefined;
    if (kind.emptyAllowed) list = list?.map((item) => item ?? {});
    integrations.push(
      ...each(name, list, (item, index, at): IntegrationConfig => {
        checkOther(builder, name, item, global, at);
        const { sendResolved } = kind;
        const build = BUILDERS[name];
        if (build) return build(buildContext(builder, item, global, { index, path: at, sendResolved }));
        const reason = `${name}_configs is not in this version`;
        const hint = `${UNDELIVERED} Use webhook_configs, or another receiver beside it.`;
        builder.warn(at, "NOT_IN_THIS_VERSION", `${reason}: nothing is delivered to it`, hint);
        const resolved = (item.send_resolved as boolean | undefined) ?? sendResolved;
        return { kind: "unsupported", name, index, sendResolved: resolved, reason };
      }),
    );
  }
  return integrations;
}
