// Alertmanager's acceptance timelines: what is posted when, and what each webhook must have received by when. The real
// manager, notifier and webhook run on virtual time; only the network is a stand-in.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { ALL_TENANTS, Matcher, type PostableAlert, sleep } from "@storewatch/model";
import { Registry } from "prom-client";
import { type AlertmanagerConfig, loadAlertmanagerConfig } from "../alerts/config/index.ts";
import { createMemoryPersistence } from "../alerts/interface.ts";
import { type AlertManager, createAlertManager } from "../alerts/manager.ts";
import { parseConfigDocument } from "../config/document.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createNotifier, type HttpSend, loadTemplates } from "../notify/index.ts";
import { VirtualTime } from "./alertmanager-time.ts";
import type { Suite } from "./suite.ts";

interface ScenarioAlert {
  readonly labels: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly active?: readonly number[];
}

interface ScenarioAction {
  readonly at: number;
  readonly push?: readonly ScenarioAlert[];
  readonly silence?: {
    readonly id: string;
    readonly match?: Record<string, string>;
    readonly match_re?: Record<string, string>;
    readonly active?: readonly [number, number];
  };
  readonly del_silence?: string;
  readonly reload?: boolean;
}

interface Scenario {
  readonly name: string;
  readonly tolerance: number;
  readonly config: string;
  readonly actions: readonly ScenarioAction[];
  readonly want: Record<
    string,
    readonly { readonly between: readonly [number, number]; readonly alerts: readonly ScenarioAlert[] }[]
  >;
  readonly webhook_fail?: Record<string, { readonly drop_until: number; readonly sleep_s?: number }>;
}

interface ReceivedAlert {
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly startsAt: string;
  readonly endsAt: string;
}

interface Batch {
  readonly hook: string;
  /** Seconds from the start. */
  readonly at: number;
  readonly alerts: readonly ReceivedAlert[];
}

const START_MS = Date.UTC(2026, 0, 1);
const ZERO_TIME = "0001-01-01T00:00:00Z";

/** Options of upstream's command line that this version does not have. */
const OPTIONAL: Readonly<Record<string, string>> = { TestColdStart: "--dispatch.start-delay is not in this version" };

export const alertmanagerScenariosSuite: Suite = {
  name: "alertmanager-scenarios",
  needs: "alertmanager/scenarios",
  async run(dataDir, report) {
    const dir = path.join(dataDir, "alertmanager/scenarios");
    for (const file of (await readdir(dir)).filter((name) => name.endsWith(".json")).sort()) {
      const scenario = JSON.parse(await readFile(path.join(dir, file), "utf8")) as Scenario;
      const skip = OPTIONAL[scenario.name];
      if (skip) {
        report.skip(scenario.name, skip);
        continue;
      }
      const problems = await play(scenario);
      if (problems.length === 0) report.pass(scenario.name);
      else report.fail(scenario.name, problems.join("; "));
    }
  },
};

async function play(scenario: Scenario): Promise<string[]> {
  const clock = new VirtualTime(START_MS);
  const batches: Batch[] = [];
  const templates = await loadTemplates([], { nowMs: () => clock.nowMs() });
  const metrics = new Registry();
  const notifier = createNotifier({
    clock,
    rng: () => 0,
    logger: silentLogger,
    metrics,
    http: mockHttp(clock, scenario, batches),
    persistence: createMemoryPersistence(),
  });
  const config = configOf(scenario);
  const manager = createAlertManager({
    config,
    clock,
    logger: silentLogger,
    metrics,
    persistence: createMemoryPersistence(),
    deliveries: (receiver) => notifier.deliveries(receiver, templates),
    externalUrl: "http://alerts.example",
  });
  await manager.start();
  const silences = new Map<string, string>();
  for (const action of [...scenario.actions].sort((a, b) => a.at - b.at)) {
    await clock.advanceTo(START_MS + action.at * 1000);
    await act(manager, action, silences, config);
  }
  const ends = Object.values(scenario.want).flatMap((list) => list.map((item) => item.between[1]));
  await clock.advanceTo(START_MS + Math.max(0, ...ends) * 1000);
  await manager.stop();
  return compare(scenario, batches);
}

function configOf(scenario: Scenario): AlertmanagerConfig {
  const text = scenario.config.replaceAll(/\$\{(\w+)\}/g, (_, hook: string) => `${hook}.test`);
  return loadAlertmanagerConfig(parseConfigDocument(scenario.name, text)).config;
}

async function act(
  manager: AlertManager,
  action: ScenarioAction,
  silences: Map<string, string>,
  config: AlertmanagerConfig,
): Promise<void> {
  if (action.push) await manager.put(ALL_TENANTS, action.push.map(toPostable));
  if (action.silence) {
    const { id, match = {}, match_re = {}, active } = action.silence;
    const silenceId = await manager.setSilence(ALL_TENANTS, {
      matchers: [
        ...Object.entries(match).map(([name, value]) => new Matcher("=", name, value)),
        ...Object.entries(match_re).map(([name, value]) => new Matcher("=~", name, value)),
      ],
      startsAtMs: active && START_MS + active[0] * 1000,
      endsAtMs: START_MS + (active?.[1] ?? 3600) * 1000,
      createdBy: "scenario",
      comment: "scenario",
      annotations: {},
    });
    silences.set(id, silenceId);
  }
  if (action.del_silence) await manager.expireSilence(ALL_TENANTS, silences.get(action.del_silence) ?? "");
  if (action.reload) await manager.reload(config);
}

function toPostable(alert: ScenarioAlert): PostableAlert {
  const [start = 0, end = 0] = alert.active ?? [];
  return {
    labels: alert.labels,
    annotations: alert.annotations ?? {},
    ...(start > 0 && { startsAtMs: START_MS + start * 1000 }),
    ...(end > 0 && { endsAtMs: START_MS + end * 1000 }),
  };
}

function mockHttp(clock: VirtualTime, scenario: Scenario, batches: Batch[]): HttpSend {
  return async (request) => {
    const hook = new URL(request.url).hostname.split(".")[0];
    const at = (clock.nowMs() - START_MS) / 1000;
    const answer = { status: 200, headers: {}, body: Buffer.alloc(0), url: request.url };
    const failing = scenario.webhook_fail?.[hook];
    if (failing && at < failing.drop_until) {
      await sleep(clock, (failing.sleep_s ?? 0) * 1000, request.signal);
      return answer;
    }
    const { alerts } = JSON.parse(String(request.body)) as { alerts: ReceivedAlert[] };
    batches.push({ hook, at, alerts });
    return answer;
  };
}

function compare(scenario: Scenario, batches: readonly Batch[]): string[] {
  const problems: string[] = [];
  for (const [hook, wanted] of Object.entries(scenario.want)) {
    const received = batches.filter((batch) => batch.hook === hook);
    for (const { between, alerts } of wanted) {
      const within = received.filter(({ at }) => at >= between[0] && at <= between[1]);
      const where = `${hook} between ${between[0]} and ${between[1]}`;
      if (alerts.length === 0 && within.length > 0) problems.push(`${where}: a batch where none is wanted`);
      else if (alerts.length > 0 && !within.some((batch) => isSame(batch.alerts, alerts, scenario.tolerance))) {
        problems.push(`${where}: wanted ${JSON.stringify(alerts)}, received ${JSON.stringify(within)}`);
      }
    }
    const count = (list: readonly { readonly alerts: readonly unknown[] }[]) =>
      list.reduce((sum, b) => sum + b.alerts.length, 0);
    if (count(received) !== count(wanted)) {
      problems.push(
        `${hook}: ${count(received)} alerts received, ${count(wanted)} wanted: ${JSON.stringify(received)}`,
      );
    }
  }
  return problems;
}

function isSame(received: readonly ReceivedAlert[], wanted: readonly ScenarioAlert[], tolerance: number): boolean {
  const rest = [...received];
  return (
    received.length === wanted.length &&
    wanted.every((want) => {
      const i = rest.findIndex((got) => isSameAlert(got, want, tolerance));
      return i >= 0 && rest.splice(i, 1).length === 1;
    })
  );
}

function isSameAlert(got: ReceivedAlert, want: ScenarioAlert, tolerance: number): boolean {
  const [start, end] = want.active ?? [];
  const isNear = (text: string, seconds: number | undefined) => {
    if (seconds === undefined) return text === ZERO_TIME;
    return Math.abs((Date.parse(text) - START_MS) / 1000 - seconds) <= tolerance;
  };
  return (
    isSameRecord(got.labels, want.labels) &&
    isSameRecord(got.annotations, want.annotations ?? {}) &&
    isNear(got.startsAt, start) &&
    isNear(got.endsAt, end)
  );
}

function isSameRecord(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
