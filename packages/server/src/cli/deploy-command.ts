// `storewatch deploy`: tells a running server that a version is going out, from a pipeline or by hand.
import { type Clock, parseTenantId, sleep } from "@storewatch/model";
import { type Deploy, deploySchema } from "@storewatch/model/api";
import { z } from "zod";
import { systemEnvironment } from "../config/environment.ts";
import { keepProcessAlive, systemClock } from "../kernel/clock.ts";
import { type Rng, systemRng } from "../kernel/rng.ts";
import { createSafeHttp, type SafeHttp, SafeHttpError, type SafeHttpResponse } from "../kernel/safe-http.ts";
import { addressOf, type ServerFlags, serverToken } from "./import-server.ts";
import { type CommandContext, type ExitCode, UsageError } from "./output.ts";

export interface DeployFlags extends Omit<ServerFlags, "server"> {
  readonly service: string;
  readonly version: string;
  readonly tenant?: string;
  readonly environment?: string;
  readonly at?: string;
  readonly commit?: string;
  readonly link?: string;
  readonly message?: string;
  readonly url?: string;
  /** Seconds. */
  readonly timeout: number;
  readonly soft?: boolean;
}

/** What tests put in place of the machine's. */
export interface DeployParts {
  readonly http: SafeHttp;
  readonly clock: Clock;
  readonly rng: Rng;
}

const DEFAULT_URL = "http://127.0.0.1:9700";
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const TRY_MS = 10_000;
const ANSWER_BYTES_MAX = 1024 * 1024;

const answerSchema = z.looseObject({
  id: z.number(),
  time: z.number(),
  text: z.string(),
  tenant: z.string().optional(),
});

export async function runDeploy(
  flags: DeployFlags,
  context: CommandContext,
  parts: DeployParts = { http: createSafeHttp(), clock: systemClock, rng: systemRng },
): Promise<ExitCode> {
  const done = keepProcessAlive();
  try {
    const deploy = deployOf(flags);
    const server = addressOf(flags.url ?? (systemEnvironment().STOREWATCH_URL || DEFAULT_URL), "--url");
    const token = serverToken(flags, context);
    const { status, body } = await post(server, token, deploy, flags.timeout * 1000, parts);
    const mark = answerSchema.safeParse(parseJson(body.toString("utf8")));
    if (!mark.success)
      throw new Error(`${new URL(server).origin} is no Storewatch: it answered ${status} without a mark`);
    const { time, text, tenant, id } = mark.data;
    const what = `${text}, for ${tenant ?? "everyone"}, at ${new Date(time).toISOString()} (mark ${id})`;
    context.out(`${status === 201 ? "marked" : "already marked"}: ${what}\n`);
    return 0;
  } catch (error) {
    // Bad usage is the pipeline's own fault, whatever the monitoring does.
    if (!flags.soft || error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    context.err(`storewatch: warning: the deploy is not marked: ${reason.replace(/\s*\n\s*/g, " ")}\n`);
    return 0;
  } finally {
    await parts.http.close();
    done();
  }
}

function deployOf(flags: DeployFlags): Deploy {
  const { service, version, tenant, environment, commit, link, message } = flags;
  if (tenant !== undefined && parseTenantId(tenant) === undefined)
    throw new UsageError(`--tenant ${tenant}: no shop id`);
  const time = flags.at === undefined ? undefined : timeOf(flags.at);
  const deploy = deploySchema.safeParse({ service, version, tenant, environment, time, commit, link, message });
  if (deploy.success) return deploy.data;
  const [issue] = deploy.error.issues;
  throw new UsageError(`--${issue.path.join(".").replace("time", "at")}: ${issue.message}`);
}

/** Date.parse alone takes more than this: any word with a number, and times of this machine's zone. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** RFC 3339, or seconds since the epoch. */
function timeOf(text: string): number {
  const ms = /^\d{1,12}$/.test(text) ? Number(text) * 1000 : Date.parse(RFC_3339.test(text) ? text : "");
  if (!Number.isFinite(ms)) throw new UsageError(`--at ${text}: expected a time such as 2026-01-31T12:00:00Z`);
  return ms;
}

/** Tries until the server answers or the time is over. Throws what it answered or why nobody did. */
async function post(
  server: string,
  token: string,
  deploy: Deploy,
  timeoutMs: number,
  { http, clock, rng }: DeployParts,
): Promise<SafeHttpResponse> {
  const endMs = clock.monotonicMs() + timeoutMs;
  // A retry after an answer that was lost must not count as another moment.
  const body = JSON.stringify(deploy);
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
    const leftMs = Math.max(1, endMs - clock.monotonicMs());
    const outcome = await tryOnce(http, server, token, body, Math.min(TRY_MS, leftMs));
    if ("answer" in outcome) return outcome.answer;
    // Half of the wait at least, so that many pipelines do not come back at the same moment.
    const pauseMs = Math.max(outcome.waitMs, waitMs * (0.5 + rng() / 2));
    if (!outcome.again || clock.monotonicMs() + pauseMs >= endMs) throw new Error(outcome.reason);
    await sleep(clock, pauseMs);
  }
}

type Outcome =
  | { readonly answer: SafeHttpResponse }
  | { readonly reason: string; readonly again: boolean; readonly waitMs: number };

async function tryOnce(
  http: SafeHttp,
  server: string,
  token: string,
  body: string,
  timeoutMs: number,
): Promise<Outcome> {
  const shown = new URL(server).origin;
  try {
    const answer = await http.request({
      method: "POST",
      url: `${server}/api/storewatch/v1/deploys`,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body,
      timeoutMs,
      bodyLimitBytes: ANSWER_BYTES_MAX,
      origin: "operator",
    });
    if (answer.status === 200 || answer.status === 201) return { answer };
    const seconds = Number(answer.headers["retry-after"]);
    return {
      reason: `${shown} answered ${answer.status}: ${reasonOf(answer.body.toString("utf8"))}`,
      again: answer.status >= 500 || answer.status === 429,
      waitMs: seconds > 0 ? seconds * 1000 : 0,
    };
  } catch (error) {
    if (!(error instanceof SafeHttpError)) throw error;
    const again = ["dns", "connect", "timeout", "protocol"].includes(error.failure);
    return { reason: `${shown}: ${error.message}`, again, waitMs: 0 };
  }
}

/** The sentence of an error answer, in whichever of the API's two forms; else what a proxy in between says. */
function reasonOf(text: string): string {
  const told = z
    .looseObject({ message: z.string().optional(), error: z.string().optional() })
    .safeParse(parseJson(text));
  return ((told.success && (told.data.message ?? told.data.error)) || text.trim()).slice(0, 300);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
