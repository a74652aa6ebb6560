// Containers, by the names of cAdvisor: those that the kubelet gives in Kubernetes, and cAdvisor itself on a machine with Docker.
import { z } from "zod";
import { Families } from "../families.ts";
import { readLink, readText } from "../files.ts";
import {
  type Collector,
  type CollectorDeps,
  collectorModule,
  type LabelValues,
  type MetricFamily,
} from "../interface.ts";
import { connectionShape } from "../kubernetes/connection.ts";
import { type Cgroup, cgroupVersion, firstPid, walkCgroups } from "./cgroups.ts";
import { dockerNames } from "./docker.ts";
import { addMachine, addRootFilesystem, memoryBytes } from "./machine.ts";
import { type ContainerName, logLinkNames, type NameSource } from "./names.ts";
import { PodNames } from "./pod-names.ts";
import * as stats from "./stats.ts";

const schema = z
  .strictObject({
    cgroup_root: z.string().min(1).optional().describe("Where cgroup v2 is mounted; default `fs/cgroup` in sysfs."),
    docker_socket: z
      .string()
      .min(1)
      .default("/var/run/docker.sock")
      .describe("Socket of Docker or Podman for names, images and labels; may be missing."),
    docker_labels: z
      .array(z.string().min(1))
      .default([])
      .describe("Labels of Docker's containers to show as `container_label_*`; `*` shows all."),
    log_links: z
      .string()
      .min(1)
      .default("/var/log/containers")
      .describe("Folder below the root file system where the kubelet links logs: names without the API server."),
    kubernetes: z
      .strictObject({
        node: z.string().min(1).describe("Name of this node, such as `${NODE_NAME}`."),
        ...connectionShape,
      })
      .optional()
      .describe("Ask the API server for the pods of this node: names and images. Needs `list` and `watch` of pods."),
    other_groups: z
      .boolean()
      .default(true)
      .describe("Also groups that are no containers: the machine as `/`, slices, services."),
    max_groups: z.int().min(1).default(10_000).describe("Groups that are read at most."),
  })
  .optional();

type Section = NonNullable<z.output<typeof schema>>;

export const containersModule = collectorModule({
  name: "containers",
  schema,
  create: (section, deps): readonly Collector[] => (section ? [new Containers(section, deps)] : []),
});

class Containers implements Collector {
  readonly name = "containers";
  /** Later ones win where they say something. */
  private readonly sources: ReadonlyArray<readonly [what: string, source: NameSource]>;
  private readonly devices = new Map<string, string>();
  private readonly told = new Map<string, string>();

  constructor(
    private readonly section: Section,
    private readonly deps: CollectorDeps,
  ) {
    const { log_links, docker_socket, docker_labels, kubernetes } = section;
    this.sources = [
      ["log_links", logLinkNames(`${deps.paths.rootfs}/${log_links}`)],
      ["docker_socket", dockerNames(deps.resolve(docker_socket), docker_labels)],
      ...(kubernetes ? [["kubernetes", new PodNames(kubernetes.node, kubernetes, deps)] as const] : []),
    ];
  }

  async collect(signal: AbortSignal): Promise<readonly MetricFamily[]> {
    const { section, deps } = this;
    const root =
      section.cgroup_root === undefined ? `${deps.paths.sysfs}/fs/cgroup` : deps.resolve(section.cgroup_root);
    const version = cgroupVersion(root);
    if (version === "v1") throw new Error(`${root} is cgroup v1: only v2 (the unified hierarchy) is read`);
    if (version === "none") throw new Error(`${root} is no cgroup file system`);
    const names = await this.names(signal);
    const { groups, isCut } = walkCgroups(root, section.max_groups);
    this.tell("max_groups", isCut ? `more than ${section.max_groups} groups: the rest is left out` : undefined);
    const out = new Families();
    const pods = podsOf(groups, names);
    const nowSeconds = Math.floor(deps.clock.nowMs() / 1000);
    for (const group of groups) {
      if (group.containerId === undefined && group.podUid === undefined && !section.other_groups) continue;
      const labels = labelsOf(group, names, pods);
      this.addGroup(out, group, labels, nowSeconds);
    }
    this.addNetworks(out, groups, names, pods);
    addMachine(out, deps.paths);
    const help = "1 if there was an error while getting container metrics, 0 otherwise";
    out.gauge("container_scrape_error", help, this.told.size > 0 ? 1 : 0);
    return out.list();
  }

  async close(): Promise<void> {
    await Promise.all(this.sources.map(([, source]) => source.close?.()));
  }

  private async names(signal: AbortSignal): Promise<Map<string, ContainerName>> {
    const names = new Map<string, ContainerName>();
    for (const [what, source] of this.sources) {
      try {
        for (const [id, name] of await source.names(signal)) names.set(id, name);
        this.tell(what, undefined);
      } catch (error) {
        this.tell(what, error instanceof Error ? error.message : String(error));
      }
    }
    return names;
  }

  /** A line in the log when it changes; `problem` undefined: it is over. */
  private tell(what: string, problem: string | undefined): void {
    if (this.told.get(what) === problem) return;
    if (problem === undefined) {
      this.told.delete(what);
      return;
    }
    this.told.set(what, problem);
    this.deps.logger.warn({ what, problem }, "containers are not told in full");
  }

  private addGroup(out: Families, { id, dir }: Cgroup, labels: LabelValues, nowSeconds: number): void {
    const { paths } = this.deps;
    const started = stats.startSeconds(dir);
    if (started === undefined) return;
    const isRoot = id === "/";
    stats.addCpu(out, dir, labels);
    const hostUsage = isRoot ? memoryBytes(paths.procfs, "MemTotal") - memoryBytes(paths.procfs, "MemFree") : undefined;
    stats.addMemory(out, dir, labels, hostUsage);
    stats.addIo(out, dir, labels, (numbers) => this.device(numbers));
    stats.addProcesses(out, dir, labels);
    stats.addPressure(out, dir, labels);
    if (isRoot) addRootFilesystem(out, paths, labels);
    out.gauge(
      "container_start_time_seconds",
      "Start time of the container since unix epoch in seconds.",
      started,
      labels,
    );
    out.gauge("container_last_seen", "Last time a container was seen by the exporter", nowSeconds, labels);
  }

  /** The machine's own network, and each that a container or pod has for itself. */
  private addNetworks(
    out: Families,
    groups: readonly Cgroup[],
    names: ReadonlyMap<string, ContainerName>,
    pods: Pods,
  ): void {
    const { procfs } = this.deps.paths;
    if (this.section.other_groups) stats.addNetwork(out, `${procfs}/1/net/dev`, { id: "/" });
    const hostNetwork = readLink(`${procfs}/1/ns/net`);
    const seen = new Set([hostNetwork]);
    // A pod's containers share one network: the one without a name, which holds it, tells of it, as with the kubelet.
    const isNamed = ({ containerId = "" }: Cgroup) => (names.has(containerId) ? 1 : 0);
    const containers = groups.filter(({ containerId }) => containerId !== undefined);
    for (const group of containers.sort((a, b) => isNamed(a) - isNamed(b))) {
      const pid = firstPid(group.dir);
      const network = pid === undefined ? undefined : readLink(`${procfs}/${pid}/ns/net`);
      if (network === undefined || seen.has(network)) continue;
      seen.add(network);
      const { container: _, ...labels } = labelsOf(group, names, pods);
      stats.addNetwork(out, `${procfs}/${pid}/net/dev`, labels);
    }
  }

  private device(numbers: string): string {
    let name = this.devices.get(numbers);
    if (name === undefined) {
      const event = readText(`${this.deps.paths.sysfs}/dev/block/${numbers}/uevent`) ?? "";
      const known = /^DEVNAME=(.+)$/m.exec(event)?.[1];
      name = known === undefined ? numbers : `/dev/${known}`;
      this.devices.set(numbers, name);
    }
    return name;
  }
}

/** Uid → the pod's name. */
type Pods = ReadonlyMap<string, { readonly pod: string; readonly namespace: string }>;

function podsOf(groups: readonly Cgroup[], names: ReadonlyMap<string, ContainerName>): Pods {
  const pods = new Map<string, { pod: string; namespace: string }>();
  for (const { podUid, containerId } of groups) {
    const name = containerId === undefined ? undefined : names.get(containerId);
    if (podUid !== undefined && name && name.pod !== "") pods.set(podUid, name);
  }
  return pods;
}

/** What is not known has no label, which is the same to queries as an empty one. */
function labelsOf(group: Cgroup, names: ReadonlyMap<string, ContainerName>, pods: Pods): LabelValues {
  const { id, containerId, podUid } = group;
  const named = containerId === undefined ? undefined : names.get(containerId);
  const pod = podUid === undefined ? named : (pods.get(podUid) ?? named);
  const labels: Record<string, string> = {};
  if (named?.container) labels.container = named.container;
  labels.id = id;
  if (named?.image) labels.image = named.image;
  const name = named?.name ?? containerId;
  if (name !== undefined) labels.name = name;
  if (pod?.namespace) labels.namespace = pod.namespace;
  if (pod?.pod) labels.pod = pod.pod;
  return { ...labels, ...named?.labels };
}
