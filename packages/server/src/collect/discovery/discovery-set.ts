// Several discoveries as one list.

import { fingerprint } from "../prometheus/secret.ts";
import type { DiscoveryConfig, TargetGroup } from "../prometheus-config.ts";
import type { Discovery, DiscoveryDeps } from "./interface.ts";
import { createDiscovery } from "./registry.ts";

interface Source {
  /** Equal for equal configurations. */
  readonly key: string;
  readonly discovery: Discovery;
  /** Undefined until it has spoken. */
  groups: readonly TargetGroup[] | undefined;
}

export class DiscoverySet {
  private sources: readonly Source[] = [];

  constructor(
    private readonly deps: DiscoveryDeps,
    /** One of them has spoken. */
    private readonly onChange: () => void,
  ) {}

  /** Discoveries whose configuration is the same go on; the others end or begin. */
  set(configs: readonly DiscoveryConfig[]): void {
    const before = [...this.sources];
    const fresh: Source[] = [];
    this.sources = configs.map((config) => {
      const key = fingerprint(config);
      const known = before.findIndex((source) => source.key === key);
      if (known >= 0) return before.splice(known, 1)[0];
      const source: Source = { key, discovery: createDiscovery(config, this.deps), groups: undefined };
      fresh.push(source);
      return source;
    });
    for (const { discovery } of before) discovery.stop();
    for (const source of fresh) {
      source.discovery.start((groups) => {
        if (!this.sources.includes(source)) return;
        source.groups = groups;
        this.onChange();
      });
    }
  }

  /** Of those that have spoken. */
  groups(): TargetGroup[] {
    return this.sources.flatMap((source) => source.groups ?? []);
  }

  /** One of them has not spoken yet. */
  get isPartial(): boolean {
    return this.sources.some(({ groups }) => groups === undefined);
  }

  stop(): void {
    const { sources } = this;
    this.sources = [];
    for (const { discovery } of sources) discovery.stop();
  }
}
