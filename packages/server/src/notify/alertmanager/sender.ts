// Our rules' alerts to external Alertmanagers, as Prometheus sends them: all to each, in batches, newest state wins.
import type { Clock, LabelRecord, PostableAlert } from "@storewatch/model";
import { Counter, Gauge } from "prom-client";
import type { Logger } from "../../kernel/logger.ts";
import type { SelfMetrics } from "../../kernel/self-metrics.ts";

/** One Alertmanager. */
export interface AlertmanagerTarget {
  /** As it is shown: no credentials. */
  readonly name: string;
  /** Changes of labels on the way to it; undefined drops the alert. */
  readonly relabel: (labels: LabelRecord) => LabelRecord | undefined;
  /** POST of a JSON list of alerts; the status of the answer. Throws when none came. */
  readonly post: (body: string, signal: AbortSignal) => Promise<number>;
}

export interface AlertmanagerSenderOptions {
  readonly clock: Clock;
  readonly rng: () => number;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  /** Alerts that wait for each Alertmanager; beyond it the oldest go. Default 10 000, as upstream's. */
  readonly queueMax?: number;
  /** Alerts in a request. Default 256, as upstream's. */
  readonly batchMax?: number;
}

export interface AlertmanagerSender {
  /** From now on to these; queues of those that stay are kept. */
  setTargets(targets: readonly AlertmanagerTarget[]): void;
  /** Never waits, never throws. */
  send(alerts: readonly PostableAlert[]): void;
  /** Sends what waits, for at most `drainMs`. */
  stop(drainMs?: number): Promise<void>;
}

const QUEUE_MAX = 10_000;
const BATCH_MAX = 256;
const PAUSE_FIRST_MS = 500;
const PAUSE_MAX_MS = 30_000;
const DRAIN_MS = 3000;

export function createAlertmanagerSender(options: AlertmanagerSenderOptions): AlertmanagerSender {
  let queues = new Map<string, TargetQueue>();
  const metrics = createSenderMetrics(options.metrics, () => [...queues.values()]);
  return {
    setTargets(targets) {
      const next = new Map<string, TargetQueue>();
      for (const target of targets) {
        const known = queues.get(target.name);
        if (known) known.target = target;
        next.set(target.name, known ?? new TargetQueue(target, options, metrics));
      }
      for (const [name, queue] of queues) if (!next.has(name)) queue.close();
      queues = next;
    },
    send(alerts) {
      for (const queue of queues.values()) queue.push(alerts);
    },
    async stop(drainMs = DRAIN_MS) {
      await Promise.all([...queues.values()].map((queue) => queue.drain(drainMs)));
    },
  };
}

interface SenderMetrics {
  readonly sent: Counter<"alertmanager">;
  readonly errors: Counter<"alertmanager">;
  readonly dropped: Counter<"alertmanager">;
}

function createSenderMetrics(registry: SelfMetrics, queues: () => readonly TargetQueue[]): SenderMetrics {
  const registers = [registry];
  const labelNames = ["alertmanager"] as const;
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers });
  new Gauge({
    name: "storewatch_alertmanager_queue_length",
    help: "Alerts that wait to be sent to an external Alertmanager.",
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const queue of queues()) this.set({ alertmanager: queue.target.name }, queue.length);
    },
  });
  return {
    sent: counter("storewatch_alertmanager_alerts_sent_total", "Alerts that an external Alertmanager took."),
    errors: counter("storewatch_alertmanager_errors_total", "Requests to an external Alertmanager that failed."),
    dropped: counter(
      "storewatch_alertmanager_alerts_dropped_total",
      "Alerts not sent to an external Alertmanager: refused by it, or pushed out of a full queue.",
    ),
  };
}

class TargetQueue {
  /** By labels: an alert waits once, with its newest state. Oldest first. */
  private readonly waiting = new Map<string, PostableAlert>();
  private isSending = false;
  private isClosed = false;
  private hasFailed = false;
  private pauseMs = PAUSE_FIRST_MS;
  private readonly controller = new AbortController();
  private wake: () => void = () => {};

  constructor(
    public target: AlertmanagerTarget,
    private readonly options: AlertmanagerSenderOptions,
    private readonly metrics: SenderMetrics,
  ) {}

  get length(): number {
    return this.waiting.size;
  }

  push(alerts: readonly PostableAlert[]): void {
    for (const alert of alerts) {
      const labels = this.target.relabel(alert.labels);
      if (labels && Object.keys(labels).length > 0) this.put(keyOf(labels), { ...alert, labels });
    }
    const over = this.waiting.size - (this.options.queueMax ?? QUEUE_MAX);
    if (over > 0) {
      for (const key of [...this.waiting.keys()].slice(0, over)) this.waiting.delete(key);
      this.metrics.dropped.inc({ alertmanager: this.target.name }, over);
    }
    void this.run();
  }

  close(): void {
    this.isClosed = true;
    this.waiting.clear();
    this.controller.abort(new Error("stopped"));
    this.wake();
  }

  /** What is not told by then is lost with the process; the rules say it again after the next start. */
  async drain(drainMs: number): Promise<void> {
    const { clock } = this.options;
    const late = new Promise<void>((resolve) => clock.setTimer(drainMs, resolve));
    // A pause for a service that is down is no reason to wait.
    if (!this.hasFailed) await Promise.race([this.emptied(), late]);
    this.close();
  }

  private async emptied(): Promise<void> {
    while (this.waiting.size > 0 && !this.hasFailed) {
      await new Promise<void>((resolve) => this.options.clock.setTimer(20, resolve));
    }
  }

  private put(key: string, alert: PostableAlert): void {
    this.waiting.delete(key);
    this.waiting.set(key, alert);
  }

  private async run(): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    try {
      while (this.waiting.size > 0 && !this.isClosed) {
        if (await this.sendBatch()) this.pauseMs = PAUSE_FIRST_MS;
        else await this.pause();
      }
    } finally {
      this.isSending = false;
    }
  }

  /** False: to be tried again. */
  private async sendBatch(): Promise<boolean> {
    const batch = [...this.waiting].slice(0, this.options.batchMax ?? BATCH_MAX);
    const { name, post } = this.target;
    let problem: string;
    let isFinal = false;
    try {
      const body = JSON.stringify(batch.map(([, alert]) => alertJson(alert, this.options.clock.nowMs())));
      const status = await post(body, this.controller.signal);
      if (status >= 200 && status < 300) {
        this.forget(batch);
        this.metrics.sent.inc({ alertmanager: name }, batch.length);
        if (this.hasFailed)
          this.options.logger.info({ alertmanager: name }, "the external Alertmanager takes alerts again");
        this.hasFailed = false;
        return true;
      }
      problem = `it answered ${status}`;
      isFinal = status < 500 && status !== 429 && status !== 401 && status !== 403 && status !== 404;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.metrics.errors.inc({ alertmanager: name });
    if (!this.hasFailed && !this.isClosed) {
      this.options.logger.warn({ alertmanager: name, reason: problem }, "alerts not sent to the external Alertmanager");
    }
    this.hasFailed = true;
    if (!isFinal) return false;
    // It would be refused again, and with it everything behind it.
    this.forget(batch);
    this.metrics.dropped.inc({ alertmanager: name }, batch.length);
    return true;
  }

  /** What has a newer state by now stays. */
  private forget(batch: readonly (readonly [string, PostableAlert])[]): void {
    for (const [key, alert] of batch) if (this.waiting.get(key) === alert) this.waiting.delete(key);
  }

  private pause(): Promise<void> {
    const waitMs = this.pauseMs * (1 + this.options.rng() / 2);
    this.pauseMs = Math.min(this.pauseMs * 2, PAUSE_MAX_MS);
    return new Promise((resolve) => {
      const timer = this.options.clock.setTimer(waitMs, resolve);
      this.wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

function keyOf(labels: LabelRecord): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function alertJson(alert: PostableAlert, nowMs: number): object {
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  return {
    labels: alert.labels,
    annotations: alert.annotations,
    startsAt: time(alert.startsAtMs ?? nowMs),
    endsAt: time(alert.endsAtMs),
    generatorURL: alert.generatorUrl || undefined,
  };
}
