// Who a container is: a group's path has only its id. Docker's socket, the API server and the kubelet's links to logs know more.
import { listFolder } from "../files.ts";

export interface ContainerName {
  /** cAdvisor's `name`: Docker's name, or the id where the runtime has no names. */
  readonly name: string;
  readonly image: string;
  /** In Kubernetes. */
  readonly container: string;
  readonly pod: string;
  readonly namespace: string;
  /** Further labels, such as container_label_*. */
  readonly labels: Readonly<Record<string, string>>;
}

/** By the runtime's id. */
export type NamesById = ReadonlyMap<string, ContainerName>;

export interface NameSource {
  /** Throws when the source cannot be asked. */
  names(signal: AbortSignal): Promise<NamesById>;
  close?(): Promise<void>;
}

/** `<pod>_<namespace>_<container>-<id>.log`; none of the names can have `_`. */
const LOG_LINK = /^([^_]+)_([^_]+)_([^_]+)-([0-9a-f]{64})\.log$/;

/** The folder where the kubelet links each container's log: names, but no images. */
export function logLinkNames(dir: string): NameSource {
  return {
    names: async () => {
      const names = new Map<string, ContainerName>();
      for (const file of listFolder(dir) ?? []) {
        const [, pod, namespace, container, id] = LOG_LINK.exec(file) ?? [];
        if (id !== undefined) names.set(id, { name: id, image: "", container, pod, namespace, labels: {} });
      }
      return names;
    },
  };
}
