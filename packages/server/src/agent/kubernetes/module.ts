// Kubernetes objects, by the names of kube-state-metrics 2.
import { z } from "zod";
import type { KubernetesClient } from "../../collect/discovery/kubernetes/client.ts";
import { systemRng } from "../../kernel/rng.ts";
import { Families } from "../families.ts";
import { type Collector, type CollectorDeps, collectorModule, type MetricFamily } from "../interface.ts";
import { connectionShape, connectKubernetes, type KubernetesConnection } from "./connection.ts";
import type { AnyThing, KubeFamily } from "./family.ts";
import { Mirror } from "./mirror.ts";
import { podFamiliesV1 } from "./pods.ts";
import { type KubeResource, RESOURCE_NAMES, RESOURCES, type ResourceName } from "./resources.ts";

const schema = z
  .strictObject({
    ...connectionShape,
    resources: z
      .array(z.enum(RESOURCE_NAMES))
      .min(1)
      .default([...RESOURCE_NAMES])
      .describe("Kinds of objects to watch; default all. Each needs the rights `list` and `watch`."),
    namespaces: z
      .array(z.string().min(1))
      .default([])
      .describe("Only objects of these namespaces (and those of no namespace); default all."),
    pods_of_node: z.string().min(1).optional().describe("Only the pods of this node, for an agent on each node."),
    labels: z
      .partialRecord(z.enum(RESOURCE_NAMES), z.array(z.string().min(1)))
      .default({})
      .describe("Kind → Kubernetes labels that `kube_*_labels` shows; `*` shows all. Default none."),
    v1_names: z
      .boolean()
      .default(false)
      .describe(
        "Also requests and limits of pods by the names of kube-state-metrics 1, such as `…_requests_cpu_cores`.",
      ),
    max_objects: z
      .int()
      .min(1)
      .default(50_000)
      .describe("Objects of one kind (and namespace, if `namespaces` is given) at most; further ones are left out."),
  })
  .optional();

type Section = NonNullable<z.output<typeof schema>>;

export const kubernetesModule = collectorModule({
  name: "kubernetes",
  schema,
  create: (section, deps): readonly Collector[] => (section ? [new KubernetesObjects(section, deps)] : []),
});

interface Counts {
  readonly list: { success: number; error: number };
  readonly watch: { success: number; error: number };
}

class KubernetesObjects implements Collector {
  readonly name = "kubernetes";
  /** The first run waits for the lists. */
  readonly timeoutMs = 60_000;
  private readonly mirrors = new Map<ResourceName, Mirror>();
  private readonly counts = new Map<ResourceName, Counts>();
  private readonly told = new Map<ResourceName, string>();
  private connection: KubernetesConnection | undefined;
  private isClosed = false;

  constructor(
    private readonly section: Section,
    private readonly deps: CollectorDeps,
  ) {}

  /** What the API server said last: when it is away, the page stays as it was. */
  async collect(signal: AbortSignal): Promise<readonly MetricFamily[]> {
    if (this.mirrors.size === 0) await this.connect();
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    if (!signal.aborted)
      await Promise.race([Promise.all([...this.mirrors.values()].map(({ tried }) => tried)), aborted]);
    const synced = [...this.mirrors].filter(([, { hasSynced }]) => hasSynced);
    if (synced.length === 0) throw new Error([...this.told.values()][0] ?? "the API server has not answered yet");
    return [...synced.flatMap(([, mirror]) => mirror.metricFamilies()), ...this.own()];
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const mirror of this.mirrors.values()) mirror.stop();
    await this.connection?.close();
  }

  private async connect(): Promise<void> {
    const { section, deps } = this;
    const connection = await connectKubernetes(section, deps);
    if (this.isClosed) return connection.close();
    this.connection = connection;
    for (const name of new Set(section.resources)) {
      const mirror = this.mirror(name, RESOURCES[name].isMetadataOnly ? connection.metadataClient : connection.client);
      this.mirrors.set(name, mirror);
      mirror.start();
    }
  }

  private mirror(name: ResourceName, client: KubernetesClient): Mirror {
    const { section, deps } = this;
    const counts: Counts = { list: { success: 0, error: 0 }, watch: { success: 0, error: 0 } };
    this.counts.set(name, counts);
    const isOfOneNode = name === "pods" && section.pods_of_node !== undefined;
    return new Mirror({
      resource: RESOURCES[name],
      moreFamilies: section.v1_names && name === "pods" ? (podFamiliesV1 as ReadonlyArray<KubeFamily<AnyThing>>) : [],
      client,
      paths: pathsOf(name, RESOURCES[name], section.namespaces),
      query: isOfOneNode ? { fieldSelector: `spec.nodeName=${section.pods_of_node}` } : {},
      labels: section.labels[name] ?? [],
      maxObjects: section.max_objects,
      clock: deps.clock,
      random: systemRng,
      onProblem: (problem) => {
        if (this.told.get(name) === problem) return;
        this.told.set(name, problem);
        deps.logger.warn({ resource: name, problem }, "Kubernetes objects cannot all be watched");
      },
      onOutcome: (operation, isGood) => {
        counts[operation][isGood ? "success" : "error"] += 1;
        if (isGood) this.told.delete(name);
      },
    });
  }

  private own(): readonly MetricFamily[] {
    const out = new Families();
    for (const [name, { list, watch }] of this.counts) {
      for (const result of ["success", "error"] as const) {
        const labels = { result, resource: `*v1.${name}` };
        out.counter("kube_state_metrics_list_total", "Number of total resource list", list[result], labels);
        out.counter("kube_state_metrics_watch_total", "Number of total resource watch", watch[result], labels);
      }
    }
    for (const [resource, mirror] of this.mirrors) {
      out.gauge("storewatch_agent_kubernetes_objects", "Objects that are known.", mirror.size, { resource });
      const help = "Objects beyond max_objects, of which nothing is told.";
      out.gauge("storewatch_agent_kubernetes_objects_left_out", help, mirror.leftOut, { resource });
    }
    out.gauge("kube_state_metrics_total_shards", "Number of total shards this instance is aware of", 1);
    out.gauge("kube_state_metrics_shard_ordinal", "Current sharding ordinal/index of this instance", 0, {
      shard_ordinal: "0",
    });
    return out.list();
  }
}

function pathsOf(name: string, { base, isOfCluster }: KubeResource, namespaces: readonly string[]): string[] {
  if (isOfCluster || namespaces.length === 0) return [`${base}/${name}`];
  return [...new Set(namespaces)].map((namespace) => `${base}/namespaces/${encodeURIComponent(namespace)}/${name}`);
}
