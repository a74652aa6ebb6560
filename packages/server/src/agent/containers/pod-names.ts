// Names and images of a node's containers, from the API server.
import { keyOf } from "../../collect/discovery/kubernetes/objects.ts";
import { Reflector } from "../../collect/discovery/kubernetes/reflector.ts";
import { systemRng } from "../../kernel/rng.ts";
import type { CollectorDeps } from "../interface.ts";
import { type ConnectionSection, connectKubernetes, type KubernetesConnection } from "../kubernetes/connection.ts";
import type { Pod } from "../kubernetes/objects.ts";
import type { ContainerName, NameSource, NamesById } from "./names.ts";

type Named = ReadonlyArray<readonly [id: string, name: ContainerName]>;

/** A node runs some hundreds. */
const PODS_MAX = 10_000;

/** The first answer waits for the list; later ones give what the watch has told. */
export class PodNames implements NameSource {
  private connection: KubernetesConnection | undefined;
  private reflector: Reflector<Named> | undefined;
  private tried: Promise<void> = Promise.resolve();
  private problem: string | undefined;
  private isClosed = false;

  constructor(
    private readonly node: string,
    private readonly section: ConnectionSection,
    private readonly deps: CollectorDeps,
  ) {}

  async names(signal: AbortSignal): Promise<NamesById> {
    if (!this.reflector) await this.connect();
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    if (!signal.aborted) await Promise.race([this.tried, aborted]);
    if (!this.reflector?.hasSynced) throw new Error(this.problem ?? "the API server has not answered yet");
    return new Map([...this.reflector.objects.values()].flat());
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.reflector?.stop();
    await this.connection?.close();
  }

  private async connect(): Promise<void> {
    const connection = await connectKubernetes(this.section, this.deps);
    if (this.isClosed) return connection.close();
    this.connection = connection;
    let tried = () => {};
    this.tried = new Promise((resolve) => (tried = resolve));
    this.reflector = new Reflector<Named>({
      client: connection.client,
      path: "/api/v1/pods",
      query: { fieldSelector: `spec.nodeName=${this.node}` },
      clock: this.deps.clock,
      random: systemRng,
      keep: (pod) => containersOf(pod),
      max: PODS_MAX,
      onChange: tried,
      onProblem: (message) => {
        this.problem = message;
        tried();
      },
    });
    this.reflector.start();
  }
}

function containersOf(pod: Pod): Named {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const { namespace = "", name: podName = keyOf(pod) } = pod.metadata ?? {};
  return [...initContainerStatuses, ...containerStatuses].flatMap(({ name = "", image = "", containerID }) => {
    // containerd://<id>
    const id = containerID?.split("://").at(-1);
    if (!id) return [];
    return [[id, { name: id, image, container: name, pod: podName, namespace, labels: {} }] as const];
  });
}
