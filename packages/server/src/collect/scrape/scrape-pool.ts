// All targets of one job: discovered, relabelled, each with its loop.
import type { Clock, Labels, Timer } from "@storewatch/model";
import type { RowWriter } from "@storewatch/tsdb";
import type { AddressRules } from "../../kernel/address-rules.ts";
import { DiscoverySet } from "../discovery/discovery-set.ts";
import type { DiscoveryDeps } from "../discovery/interface.ts";
import { ConfiguredHttp } from "../http/configured-http.ts";
import { fingerprint } from "../prometheus/secret.ts";
import type { ScrapeConfig, TargetGroup } from "../prometheus-config.ts";
import { createRelabeller, type Relabeller } from "../relabel.ts";
import { createHttpFetcher, type HttpFetcher } from "./http-fetch.ts";
import { ScrapeLoop, type ScrapeLoopDeps, type ScrapeSettings } from "./scrape-loop.ts";
import { createSeriesResolver } from "./series-resolver.ts";
import { resolveGroup, type Target, type TargetResult } from "./target.ts";

/** Dropped targets are shown to find mistakes; of very many the first do. */
const DROPPED_SHOWN_MAX = 1000;

export interface ScrapePoolDeps extends ScrapeLoopDeps {
  readonly clock: Clock;
  readonly rules: AddressRules;
  readonly userAgent: string;
  readonly openRows: (key: string, intervalMs?: number) => RowWriter;
  readonly discovery: Omit<DiscoveryDeps, "onProblem">;
}

/** After a reload the old targets stay until every discovery has spoken, but no longer than this. */
const SETTLE_MS = 30_000;

export class ScrapePool {
  readonly loops = new Map<string, ScrapeLoop>();
  dropped: readonly Labels[] = [];
  private readonly discovery: DiscoverySet;
  /** While it runs, nothing ends because a discovery has not spoken yet. */
  private settling: Timer | undefined;
  /** What became of groups under this configuration: a discovery says the same ones again and again. */
  private resolved = new WeakMap<TargetGroup, readonly TargetResult[]>();
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
    const onProblem = (source: string, message: string) => this.noteProblem(source, message);
    this.discovery = new DiscoverySet({ ...deps.discovery, onProblem }, () => this.synchronise());
  }

  start(): void {
    this.settling?.cancel();
    if (this.loops.size > 0) this.settling = this.deps.clock.setTimer(SETTLE_MS, () => this.settled());
    this.discovery.set(this.config.discoveries);
    this.synchronise();
  }

  private settled(): void {
    this.settling = undefined;
    this.synchronise();
  }

  /** Takes the new configuration; targets that are the same go on. */
  update(config: ScrapeConfig): void {
    const changed = (key: keyof ScrapeConfig) => fingerprint(config[key]) !== fingerprint(this.config[key]);
    const http = changed("http") || changed("negotiation");
    this.config = config;
    if (http) {
      this.fetcher.retire();
      this.fetcher = this.createFetcher();
    }
    this.settings = this.createSettings(undefined);
    this.resolved = new WeakMap();
    this.start();
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
    this.settling?.cancel();
    this.discovery.stop();
  }

  private synchronise(): void {
    if (this.stopped) return;
    const found = new Map<string, Target>();
    const dropped: Labels[] = [];
    const relabel = createRelabeller(this.config.relabel, this.config.nameScheme);
    for (const result of this.discovery.groups().flatMap((group) => this.resolve(group, relabel))) {
      if (result.kind === "target") {
        found.set(result.target.key, result.target);
        continue;
      }
      if (dropped.length < (this.config.limits.keepDroppedTargets || DROPPED_SHOWN_MAX)) {
        dropped.push(result.discoveredLabels);
      }
    }
    this.dropped = dropped;
    const limit = this.config.limits.targets;
    const over = limit > 0 && found.size > limit;
    const refusal = over ? `target_limit exceeded (number of targets: ${found.size}, limit: ${limit})` : undefined;
    if (refusal !== this.settings.refusal) this.settings = this.createSettings(refusal);
    if (this.discovery.isPartial && this.settling) {
      // What is there goes on: it may be in the lists that are still to come.
      this.startOrUpdate(found);
      return;
    }
    this.settling?.cancel();
    this.settling = undefined;
    this.retireMissing(found);
    this.startOrUpdate(found);
  }

  private resolve(group: TargetGroup, relabel: Relabeller): readonly TargetResult[] {
    const known = this.resolved.get(group);
    if (known) return known;
    const results = resolveGroup(group, this.config, relabel);
    this.resolved.set(group, results);
    for (const result of results) {
      if (result.kind === "invalid") this.noteInvalid(result.discoveredLabels, result.reason);
    }
    return results;
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
      const rows = this.deps.openRows(`${jobName} ${key}`, target.intervalMs);
      const loop = new ScrapeLoop(jobName, target, this.settings, rows, this.deps);
      this.loops.set(key, loop);
      loop.start(firstWithinMs);
    }
  }

  private createFetcher(): HttpFetcher {
    const { rules, clock, userAgent } = this.deps;
    const { http: config, negotiation } = this.config;
    const http = new ConfiguredHttp(config, this.deps.discovery.http, clock);
    return createHttpFetcher({ config, http, negotiation, rules, clock, userAgent });
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

  private noteProblem(source: string, message: string): void {
    this.deps.metrics.discoveryProblems.inc();
    this.deps.logger.warn({ pool: this.config.jobName, source, error: message }, "targets kept as they were");
  }

  private noteInvalid(labels: Labels, reason: string): void {
    this.deps.metrics.invalidTargets.inc();
    this.deps.logger.warn({ pool: this.config.jobName, address: labels.get("__address__"), reason }, "target left out");
  }
}
