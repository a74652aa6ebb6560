// What all services asked over HTTP share: compose the requests, send them, judge the answers, show none of the secrets.
import type { NotificationData } from "@storewatch/model";
import type { HttpConfig } from "../alerts/config/index.ts";
import type { SafeHttpResponse } from "../kernel/safe-http.ts";
import { TemplateError } from "../template/index.ts";
import type { IntegrationDependencies } from "./dependencies.ts";
import { type Exchange, ReceiverHttp, type Verdict, verdictOf, verdictOfError } from "./http.ts";
import type { DeliveryRecord, DeliveryResult, Integration } from "./interface.ts";
import { type Mask, maskOf } from "./masking.ts";
import { createRenderer, type Renderer } from "./renderer.ts";
import { resultOf } from "./result.ts";

export interface Plan {
  /** For example "Telegram chat -100…". */
  readonly target: string;
  readonly subject: string;
  /** Sent in order; the first that is not taken ends it. */
  readonly exchanges: readonly [Exchange, ...Exchange[]];
  /** Beside those of `http_config`. */
  readonly secrets: readonly (string | undefined)[];
}

export interface HttpService {
  readonly kind: string;
  /** Throws TemplateError, or any error for what may be right at the next try (a secret's file, say). */
  plan(render: Renderer, data: NotificationData): Promise<Plan>;
  /** Default `verdictOf`. */
  verdict?(response: SafeHttpResponse): Verdict;
  /** Another form of a request that was refused; undefined: none. */
  instead?(exchange: Exchange, response: SafeHttpResponse): Exchange | undefined;
  /** Where it goes, secrets masked. */
  describe(): Promise<string>;
  readonly fixedTarget?: boolean;
}

/** A message that can never be sent as it is, whatever the other side does. */
export class MessageError extends Error {}

interface ServiceConfig {
  readonly index: number;
  readonly sendResolved: boolean;
  readonly timeoutMs: number;
  readonly http: HttpConfig;
}

export function createHttpIntegration(
  config: ServiceConfig,
  deps: IntegrationDependencies,
  service: HttpService,
): Integration {
  const { index, sendResolved, timeoutMs } = config;
  const { kind, fixedTarget } = service;
  const client = new ReceiverHttp(config.http, deps.http, deps.clock);
  return {
    kind,
    index,
    sendResolved,
    timeoutMs,
    fixedTarget,
    describe: () => service.describe().catch((error) => `${kind}: ${messageOf(error)}`),
    async send(data, signal) {
      let record: DeliveryRecord = { target: kind, subject: "", body: "", answer: "" };
      try {
        const plan = await service.plan(createRenderer(deps.templates, data), data);
        const maskNow = async () => maskOf([...plan.secrets, ...(await client.secrets())]);
        const mask = await maskNow();
        record = {
          target: mask(plan.target),
          subject: mask(plan.subject),
          body: mask(plan.exchanges.map((exchange) => exchange.body ?? "").join("\n")),
          answer: "",
        };
        return await converse(service, plan.exchanges, client, { timeoutMs, signal }, maskNow, record);
      } catch (error) {
        const isFinal = error instanceof TemplateError || error instanceof MessageError;
        return { outcome: isFinal ? "failed" : "retry", reason: messageOf(error), record };
      }
    },
  };
}

async function converse(
  service: HttpService,
  exchanges: readonly Exchange[],
  client: ReceiverHttp,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
  maskNow: () => Promise<Mask>,
  record: DeliveryRecord,
): Promise<DeliveryResult> {
  const answers: string[] = [];
  const judge = service.verdict ?? verdictOf;
  const ask = async (exchange: Exchange) => {
    const response = await client.request(exchange, limits);
    answers.push(answerText(response));
    return response;
  };
  for (const exchange of exchanges) {
    let verdict: Verdict;
    try {
      let response = await ask(exchange);
      verdict = judge(response);
      const other = verdict.kind === "refused" ? service.instead?.(exchange, response) : undefined;
      if (other) {
        response = await ask(other);
        verdict = judge(response);
      }
    } catch (error) {
      verdict = verdictOfError(error);
    }
    if (verdict.kind === "ok") continue;
    const mask = await maskNow();
    return resultOf({ ...verdict, reason: mask(verdict.reason) }, { ...record, answer: mask(answers.join("\n")) });
  }
  // Only now is the token known that this very exchange may have fetched.
  const mask = await maskNow();
  return { outcome: "delivered", record: { ...record, answer: mask(answers.join("\n")) } };
}

export function answerText(response: SafeHttpResponse): string {
  return `${response.status} ${response.body.toString("utf8").slice(0, 1024)}`.trim();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The answer as JSON; undefined when it is none. */
export function jsonOf(response: SafeHttpResponse): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(response.body.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export function withoutEmpty(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== "" && value !== undefined));
}
