// Meta labels that several roles share.
import type { Container, KubeMetadata, Node, Pod, Service } from "./objects.ts";

export const META = "__meta_kubernetes_";

export type MetaLabels = Record<string, string>;

/** Characters that a label's name may not have become underscores. */
export function sanitizeName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, "_");
}

/** `..._label_X`, `..._labelpresent_X`, and the same of annotations; of the object's name the caller knows. */
export function addMetadata(labels: MetaLabels, metadata: KubeMetadata | undefined, kind: string): void {
  for (const [what, pairs] of [
    ["label", metadata?.labels],
    ["annotation", metadata?.annotations],
  ] as const) {
    for (const [name, value] of Object.entries(pairs ?? {})) {
      const key = sanitizeName(name);
      labels[`${META}${kind}_${what}_${key}`] = value;
      labels[`${META}${kind}_${what}present_${key}`] = "true";
    }
  }
}

/** Only the labels, not the annotations: what is attached to the targets of other roles. */
export function addNodeLabels(labels: MetaLabels, node: Node | undefined): void {
  if (!node) return;
  labels[`${META}node_name`] = node.metadata?.name ?? "";
  addMetadata(labels, { labels: node.metadata?.labels }, "node");
}

export function podLabels(pod: Pod): MetaLabels {
  const { metadata, spec, status } = pod;
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "Unknown";
  const labels: MetaLabels = {
    [`${META}pod_name`]: metadata?.name ?? "",
    [`${META}pod_ip`]: status?.podIP ?? "",
    [`${META}pod_ready`]: ready.toLowerCase(),
    [`${META}pod_phase`]: status?.phase ?? "",
    [`${META}pod_node_name`]: spec?.nodeName ?? "",
    [`${META}pod_host_ip`]: status?.hostIP ?? "",
    [`${META}pod_uid`]: metadata?.uid ?? "",
  };
  const controller = metadata?.ownerReferences?.find((owner) => owner.controller);
  if (controller?.kind) labels[`${META}pod_controller_kind`] = controller.kind;
  if (controller?.name) labels[`${META}pod_controller_name`] = controller.name;
  addMetadata(labels, metadata, "pod");
  return labels;
}

export function containerLabels(
  pod: Pod,
  container: Container,
  port?: NonNullable<Container["ports"]>[number],
): MetaLabels {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const id = statuses.find(({ name }) => name === container.name)?.containerID;
  const labels: MetaLabels = {
    [`${META}pod_container_name`]: container.name,
    [`${META}pod_container_image`]: container.image ?? "",
  };
  if (id) labels[`${META}pod_container_id`] = id;
  if (!port) return labels;
  labels[`${META}pod_container_port_name`] = port.name ?? "";
  labels[`${META}pod_container_port_number`] = String(port.containerPort);
  labels[`${META}pod_container_port_protocol`] = port.protocol ?? "TCP";
  return labels;
}

export function serviceLabels(service: Service): MetaLabels {
  const labels: MetaLabels = {
    [`${META}namespace`]: service.metadata?.namespace ?? "",
    [`${META}service_name`]: service.metadata?.name ?? "",
  };
  addMetadata(labels, service.metadata, "service");
  return labels;
}

/** An IPv6 address goes into brackets. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
