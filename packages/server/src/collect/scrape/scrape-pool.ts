// All targets of one job: discovered, relabelled, each with its loop.
import type { Clock, Labels } from "@storewatch/model";
import type { RowWriter } from "@storewatch/tsdb";
import type { AddressRules } from "../../kernel/address-rules.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { fileDiscovery } from "../discovery/file.ts";
import { staticDiscovery } from "../discovery/static.ts";
import { Secret } from "../prometheus/secret.ts";
import type { ScrapeConfig, TargetGroup } from "../prometheus-config.ts";
import { createRelabeller } from "../relabel.ts";
import { createHttpFetcher, type HttpFetcher } from "./http-fetch.ts";
import { ScrapeLoop, type ScrapeLoopDeps, type ScrapeSettings } from "./scrape-loop.ts";
import { createSeriesResolver } from "./series-resolver.ts";
import { resolveGroup, type Target } from "./target.ts";

/** Dropped targets are shown to find mistakes; of very many the first do. */
const DROPPED_SHOWN_MAX = 1000;

export interface ScrapePoolDeps extends ScrapeLoopDeps {
  readonly clock: Clock;
  readonly rules: AddressRules;
  readonly userAgent: string;
  readonly openRows: (key: string) => RowWriter;
}

export class ScrapePool {
  readonly loops = new Map<string, ScrapeLoop>();
  dropped: readonly Labels[] = [];
  private discoveries: Discovery[] = [];
  /** Undefined until the discovery has spoken. */
  private groups: Array<readonly TargetGroup[] | undefined> = [];
  private fetcher: HttpFetcher;
  private settings: ScrapeSettings;
  /** Targets that have gone and whose last scrape still ends: their rows must not be opened again before. */
  private readonly closing = new Map<string, Promise<void>>();
  private stopped = false;

  constructor(
    private config: ScrapeConfig,
    private readonly deps: ScrapePoolDeps,
  ) {
    this.fetcher = this.createFetcher();
    this.settings = this.createSettings(undefined);
  }

  start(): void {
    this.discoveries = [
      staticDiscovery(this.config.staticGroups),
      ...this.config.fileDiscovery.map((config) =>
        fileDiscovery({
          config,
          clock: this.deps.clock,
          onProblem: (file, message) => this.noteProblem(file, message),
        }),
      ),
    ];
    const { discoveries } = this;
    this.groups = discoveries.map(() => undefined);
    for (const [i, discovery] of discoveries.entries()) {
      discovery.start((groups) => {
        if (this.discoveries !== discoveries) return;
        this.groups[i] = groups;
        this.synchronise();
      });
    }
  }

  /** Takes the new configuration; targets that are the same go on. */
  update(config: ScrapeConfig): void {
    const changed = (key: keyof ScrapeConfig) => fingerprint(config[key]) !== fingerprint(this.config[key]);
    const discovery = changed("staticGroups") || changed("fileDiscovery");
    const http = changed("http") || changed("negotiation");
    this.config = config;
    if (http) {
      this.fetcher.retire();
      this.fetcher = this.createFetcher();
    }
    this.settings = this.createSettings(undefined);
    if (discovery) this.restartDiscovery();
    else this.synchronise();
  }

  /** The process goes down: series stay open. */
  async stop(): Promise<void> {
    this.end();
    await Promise.all([...this.loops.values()].map((loop) => loop.stop()));
    await Promise.all(this.closing.values());
    this.fetcher.close();
  }

  /** The job has gone: its series end. */
  async retire(): Promise<void> {
    this.end();
    await Promise.all([...this.loops.values()].map((loop) => loop.retire()));
    await Promise.all(this.closing.values());
    this.fetcher.close();
  }

  private end(): void {
    this.stopped = true;
    for (const discovery of this.discoveries) discovery.stop();
    this.discoveries = [];
  }

  private restartDiscovery(): void {
    for (const discovery of this.discoveries) discovery.stop();
    this.discoveries = [];
    this.start();
  }

  private synchronise(): void {
    // After a reload the old lists hold until every discovery has spoken, so that it interrupts nothing.
    const partial = this.groups.includes(undefined);
    if (this.stopped || (partial && this.loops.size > 0)) return;
    const groups = this.groups.flatMap((list) => list ?? []);
    const found = new Map<string, Target>();
    const dropped: Labels[] = [];
    const relabel = createRelabeller(this.config.relabel, this.config.nameScheme);
    for (const result of groups.flatMap((group) => resolveGroup(group, this.config, relabel))) {
      if (result.kind === "target") {
        found.set(result.target.key, result.target);
        continue;
      }
      if (result.kind === "invalid") this.noteInvalid(result.discoveredLabels, result.reason);
      if (dropped.length < (this.config.limits.keepDroppedTargets || DROPPED_SHOWN_MAX)) {
        dropped.push(result.discoveredLabels);
      }
    }
    this.dropped = dropped;
    const limit = this.config.limits.targets;
    const over = limit > 0 && found.size > limit;
    const refusal = over ? `target_limit exceeded (number of targets: ${found.size}, limit: ${limit})` : undefined;
    if (refusal !== this.settings.refusal) this.settings = this.createSettings(refusal);
    this.retireMissing(found);
    this.startOrUpdate(found);
  }

  private retireMissing(found: ReadonlyMap<string, Target>): void {
    for (const [key, loop] of this.loops) {
      if (found.has(key)) continue;
      this.loops.delete(key);
      const closed = loop
        .retire()
        .catch((error) => this.deps.logger.error({ err: error }, "closing a target's series failed"))
        .then(() => {
          this.closing.delete(key);
          // It may have come back meanwhile.
          this.synchronise();
        });
      this.closing.set(key, closed);
    }
  }

  private startOrUpdate(found: ReadonlyMap<string, Target>): void {
    // Many targets at once are spread over more time; a few are asked within a second, so that a start shows data soon.
    const firstWithinMs = 1000 + 10 * found.size;
    for (const [key, target] of found) {
      const known = this.loops.get(key);
      if (known) {
        known.update(target, this.settings);
        continue;
      }
      if (this.closing.has(key)) continue;
      const { jobName } = this.config;
      const rows = this.deps.openRows(`${jobName} ${key}`);
      const loop = new ScrapeLoop(jobName, target, this.settings, rows, this.deps);
      this.loops.set(key, loop);
      loop.start(firstWithinMs);
    }
  }

  private createFetcher(): HttpFetcher {
    const { rules, clock, userAgent } = this.deps;
    const { http: config, negotiation } = this.config;
    return createHttpFetcher({ config, negotiation, rules, clock, userAgent });
  }

  private createSettings(refusal: string | undefined): ScrapeSettings {
    const { config } = this;
    const { honorLabels, metricRelabel, nameScheme, tenants, limits, honorTimestamps } = config;
    const { histograms, histogramLimits } = config;
    const relabel = createRelabeller(metricRelabel, nameScheme);
    return {
      // Through the field, because a changed configuration may bring another fetcher.
      fetch: (request) => this.fetcher.fetch(request),
      resolverFor: (target) =>
        createSeriesResolver({
          targetLabels: target.labels,
          honorLabels,
          relabel,
          limits,
          scheme: nameScheme,
          tenants,
          onForeignTenant: () => this.deps.metrics.foreignSeries.inc(),
        }),
      tenants,
      honorTimestamps,
      trackTimestampsStaleness: config.trackTimestampsStaleness,
      compress: config.enableCompression,
      extraMetrics: config.extraScrapeMetrics,
      sampleLimit: limits.samples,
      bodyLimitBytes: limits.bodyBytes,
      histograms,
      histogramLimits,
      parseKey: fingerprint({
        honorLabels,
        metricRelabel,
        nameScheme,
        tenants,
        limits,
        honorTimestamps,
        histograms,
        histogramLimits,
      }),
      refusal,
    };
  }

  private noteProblem(file: string, message: string): void {
    this.deps.metrics.discoveryProblems.inc();
    this.deps.logger.warn({ pool: this.config.jobName, file, error: message }, "target file kept as it was");
  }

  private noteInvalid(labels: Labels, reason: string): void {
    this.deps.metrics.invalidTargets.inc();
    this.deps.logger.warn({ pool: this.config.jobName, address: labels.get("__address__"), reason }, "target left out");
  }
}

/** A text that is equal for equal configurations, secrets included: for comparing only, never to be shown. */
export function fingerprint(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, shown: unknown) {
    const own = this[key];
    if (own instanceof Secret) return own.reveal();
    if (typeof own === "bigint") return own.toString();
    return own instanceof Set ? [...own] : shown;
  });
}
