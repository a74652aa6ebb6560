// Targets from a Kubernetes cluster: the objects of a role and those they refer to are mirrored, targets are made anew
// when something changed.
import type { Timer } from "@storewatch/model";
import { ConfiguredHttp } from "../../http/configured-http.ts";
import type { KubernetesDiscoveryConfig, KubernetesRole, TargetGroup } from "../../prometheus-config.ts";
import type { Discovery, DiscoveryDeps, OnGroups } from "../interface.ts";
import { apiServerOf, ownNamespace } from "./access.ts";
import { KubernetesClient } from "./client.ts";
import { endpointSliceTargets, endpointsTargets } from "./endpoint-roles.ts";
import { type KubeObject, type Node, objectKey, type Pod, type Service } from "./objects.ts";
import { Reflector, trimmed } from "./reflector.ts";
import { type BuildTargets, ingressTargets, nodeTargets, podTargets, type Related, serviceTargets } from "./roles.ts";

type Kind = KubernetesRole | "namespace";

const RESOURCES: Readonly<Record<Kind, { readonly base: string; readonly name: string }>> = {
  node: { base: "/api/v1", name: "nodes" },
  namespace: { base: "/api/v1", name: "namespaces" },
  pod: { base: "/api/v1", name: "pods" },
  service: { base: "/api/v1", name: "services" },
  endpoints: { base: "/api/v1", name: "endpoints" },
  endpointslice: { base: "/apis/discovery.k8s.io/v1", name: "endpointslices" },
  ingress: { base: "/apis/networking.k8s.io/v1", name: "ingresses" },
};

const BUILD = {
  node: nodeTargets,
  pod: podTargets,
  service: serviceTargets,
  endpoints: endpointsTargets,
  endpointslice: endpointSliceTargets,
  ingress: ingressTargets,
} satisfies Record<KubernetesRole, unknown>;

/** Changes of this long become one new list: a rollout changes many objects, each several times. */
const SETTLE_MS = 500;
const CONNECT_RETRY_MS = 10_000;

export function kubernetesDiscovery(config: KubernetesDiscoveryConfig, deps: DiscoveryDeps): Discovery {
  return new KubernetesDiscovery(config, deps);
}

class KubernetesDiscovery implements Discovery {
  private readonly mirrors = new Map<Kind, Reflector<KubeObject>[]>();
  private timer: Timer | undefined;
  private onGroups: OnGroups = () => {};
  private stopped = false;
  /** Targets of objects that depend on no others, made once. */
  private readonly made = new WeakMap<KubeObject, TargetGroup[]>();

  constructor(
    private readonly config: KubernetesDiscoveryConfig,
    private readonly deps: DiscoveryDeps,
  ) {}

  start(onGroups: OnGroups): void {
    this.onGroups = onGroups;
    void this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    for (const mirror of [...this.mirrors.values()].flat()) mirror.stop();
  }

  private async connect(): Promise<void> {
    const { config, deps } = this;
    try {
      const server = await apiServerOf(config.access);
      const namespaces = new Set(config.namespaces);
      if (config.ownNamespace) namespaces.add(await ownNamespace(config.access));
      if (this.stopped) return;
      const client = new KubernetesClient(
        server.url,
        new ConfiguredHttp(server.http, deps.http, deps.clock),
        deps.userAgent,
      );
      for (const kind of kindsOf(config)) this.mirror(kind, client, [...namespaces]);
    } catch (error) {
      if (this.stopped) return;
      deps.onProblem(`kubernetes ${config.role}`, error instanceof Error ? error.message : String(error));
      this.timer = deps.clock.setTimer(CONNECT_RETRY_MS, () => {
        this.timer = undefined;
        void this.connect();
      });
    }
  }

  private mirror(kind: Kind, client: KubernetesClient, namespaces: readonly string[]): void {
    const { clock, random, onProblem } = this.deps;
    const { base, name } = RESOURCES[kind];
    const isOfCluster = kind === "node" || kind === "namespace";
    const paths =
      isOfCluster || namespaces.length === 0
        ? [`${base}/${name}`]
        : namespaces.map((namespace) => `${base}/namespaces/${encodeURIComponent(namespace)}/${name}`);
    const selector = this.config.selectors.find(({ role }) => role === kind);
    const query = {
      ...(selector?.label && { labelSelector: selector.label }),
      ...(selector?.field && { fieldSelector: selector.field }),
    };
    const mirrors = paths.map((path) => {
      const problem = (message: string) => onProblem(`kubernetes ${this.config.role}`, message);
      return new Reflector({
        client,
        path,
        query,
        clock,
        random,
        keep: trimmed,
        onChange: () => this.changed(),
        onProblem: problem,
      });
    });
    this.mirrors.set(kind, mirrors);
    for (const mirror of mirrors) mirror.start();
  }

  private changed(): void {
    if (this.stopped || this.timer) return;
    this.timer = this.deps.clock.setTimer(SETTLE_MS, () => {
      this.timer = undefined;
      // Half a list would end the series of the other half.
      if ([...this.mirrors.values()].flat().every(({ hasSynced }) => hasSynced)) this.onGroups(this.groups());
    });
  }

  private groups(): TargetGroup[] {
    const { role } = this.config;
    const build = BUILD[role] as BuildTargets<KubeObject>;
    const standsAlone = this.mirrors.size === 1;
    const groups: TargetGroup[] = [];
    for (const { objects } of this.mirrors.get(role) ?? []) {
      for (const object of objects.values()) {
        const known = standsAlone ? this.made.get(object) : undefined;
        const targets = known ?? build(object, this.related);
        if (standsAlone && !known) this.made.set(object, targets);
        for (const one of targets) groups.push(one);
      }
    }
    return groups;
  }

  private find(kind: Kind, key: string): KubeObject | undefined {
    for (const { objects } of this.mirrors.get(kind) ?? []) {
      const found = objects.get(key);
      if (found) return found;
    }
    return undefined;
  }

  private readonly related: Related = {
    pod: (namespace, name) => this.find("pod", objectKey(namespace, name)) as Pod | undefined,
    service: (namespace, name) => this.find("service", objectKey(namespace, name)) as Service | undefined,
    node: (name) => (this.config.attachNode && name ? (this.find("node", name) as Node | undefined) : undefined),
    namespace: (name) => (this.config.attachNamespace && name ? this.find("namespace", name) : undefined),
  };
}

/** The role's own kind, and what its targets tell of besides. */
function kindsOf({ role, attachNode, attachNamespace }: KubernetesDiscoveryConfig): Kind[] {
  const ofEndpoints = role === "endpoints" || role === "endpointslice";
  const kinds: Kind[] = ofEndpoints ? [role, "service", "pod"] : [role];
  if (attachNode && (ofEndpoints || role === "pod")) kinds.push("node");
  if (attachNamespace && role !== "node") kinds.push("namespace");
  return kinds;
}
