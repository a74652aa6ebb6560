// Roles endpoints and endpointslice: the addresses behind services, and the other ports of the pods behind them.
import type { TargetGroup } from "../../prometheus-config.ts";
import {
  addMetadata,
  addNodeLabels,
  containerLabels,
  joinHostPort,
  META,
  type MetaLabels,
  podLabels,
  sanitizeName,
  serviceLabels,
} from "./labels.ts";
import {
  type Container,
  type EndpointAddress,
  type EndpointPort,
  type EndpointSlice,
  type Endpoints,
  keyOf,
  type ObjectReference,
  type Pod,
  type SliceEndpoint,
  type SlicePort,
} from "./objects.ts";
import { type BuildTargets, namespaceLabels, type Related } from "./roles.ts";

const SERVICE_NAME = "kubernetes.io/service-name";

/** The targets of one object, with the pods that stood behind its addresses. */
class Collected {
  readonly groups: TargetGroup[] = [];
  private readonly pods = new Map<string, { readonly pod: Pod; readonly ports: Set<number> }>();

  constructor(
    private readonly shared: MetaLabels,
    private readonly related: Related,
  ) {}

  add(ip: string, port: number | undefined, labels: MetaLabels, target: ObjectReference | undefined): void {
    const pod = target?.kind === "Pod" ? this.related.pod(target.namespace, target.name ?? "") : undefined;
    if (pod) {
      const known = this.pods.get(keyOf(pod)) ?? { pod, ports: new Set<number>() };
      if (port !== undefined) known.ports.add(port);
      this.pods.set(keyOf(pod), known);
      Object.assign(labels, podLabels(pod));
      const found = port === undefined ? undefined : portOf(pod, port);
      if (found) Object.assign(labels, containerLabels(pod, found.container, found.port));
    }
    this.push(port === undefined ? ip : joinHostPort(ip, port), labels);
  }

  /** Ports of the pods that no service leads to: often the one that metrics are on. */
  addOtherPorts(): void {
    for (const { pod, ports } of this.pods.values()) {
      const ip = pod.status?.podIP;
      if (!ip) continue;
      for (const container of pod.spec?.containers ?? []) {
        for (const port of container.ports ?? []) {
          if (ports.has(port.containerPort)) continue;
          const labels = { ...podLabels(pod), ...containerLabels(pod, container, port) };
          this.push(joinHostPort(ip, port.containerPort), labels);
        }
      }
    }
  }

  private push(address: string, labels: MetaLabels): void {
    this.groups.push({ targets: [address], labels: { ...this.shared, ...labels } });
  }
}

function portOf(pod: Pod, number: number) {
  for (const container of pod.spec?.containers ?? ([] as readonly Container[])) {
    const port = container.ports?.find((one) => one.containerPort === number);
    if (port) return { container, port };
  }
  return undefined;
}

export const endpointsTargets: BuildTargets<Endpoints> = (endpoints, related) => {
  const { metadata } = endpoints;
  const shared: MetaLabels = {
    ...namespaceLabels(metadata?.namespace, related),
    [`${META}endpoints_name`]: metadata?.name ?? "",
  };
  const service = related.service(metadata?.namespace, metadata?.name ?? "");
  if (service) Object.assign(shared, serviceLabels(service));
  addMetadata(shared, metadata, "endpoints");
  const collected = new Collected(shared, related);
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of endpoints.subsets ?? []) {
    for (const port of ports) {
      for (const address of addresses) addAddress(collected, address, port, true, related);
      for (const address of notReadyAddresses) addAddress(collected, address, port, false, related);
    }
  }
  collected.addOtherPorts();
  return collected.groups;
};

function addAddress(
  collected: Collected,
  address: EndpointAddress,
  port: EndpointPort,
  ready: boolean,
  related: Related,
): void {
  const labels: MetaLabels = {
    [`${META}endpoint_port_name`]: port.name ?? "",
    [`${META}endpoint_port_protocol`]: port.protocol ?? "",
    [`${META}endpoint_ready`]: String(ready),
  };
  addReference(labels, "endpoint_address_target", address.targetRef);
  if (address.nodeName) labels[`${META}endpoint_node_name`] = address.nodeName;
  if (address.hostname) labels[`${META}endpoint_hostname`] = address.hostname;
  addNodeLabels(labels, related.node(address.nodeName));
  collected.add(address.ip, port.port, labels, address.targetRef);
}

export const endpointSliceTargets: BuildTargets<EndpointSlice> = (slice, related) => {
  const { metadata } = slice;
  const shared: MetaLabels = {
    ...namespaceLabels(metadata?.namespace, related),
    [`${META}endpointslice_name`]: metadata?.name ?? "",
    [`${META}endpointslice_address_type`]: slice.addressType ?? "",
  };
  addMetadata(shared, metadata, "endpointslice");
  const owner = metadata?.labels?.[SERVICE_NAME];
  const service = owner === undefined ? undefined : related.service(metadata?.namespace, owner);
  if (service) Object.assign(shared, serviceLabels(service));
  const collected = new Collected(shared, related);
  for (const endpoint of slice.endpoints ?? []) {
    for (const port of slice.ports ?? []) {
      for (const address of endpoint.addresses ?? []) {
        const labels = sliceLabels(endpoint, port);
        const isNode = endpoint.targetRef?.kind === "Node";
        addNodeLabels(labels, related.node(isNode ? endpoint.targetRef?.name : endpoint.nodeName));
        collected.add(address, port.port, labels, endpoint.targetRef);
      }
    }
  }
  collected.addOtherPorts();
  return collected.groups;
};

function sliceLabels(endpoint: SliceEndpoint, port: SlicePort): MetaLabels {
  const labels: MetaLabels = {};
  const set = (name: string, value: string | number | boolean | undefined) => {
    if (value !== undefined) labels[`${META}endpointslice_${name}`] = String(value);
  };
  set("port_name", port.name);
  set("port_protocol", port.protocol);
  set("port", port.port);
  set("port_app_protocol", port.appProtocol);
  set("endpoint_conditions_ready", endpoint.conditions?.ready);
  set("endpoint_conditions_serving", endpoint.conditions?.serving);
  set("endpoint_conditions_terminating", endpoint.conditions?.terminating);
  set("endpoint_hostname", endpoint.hostname);
  set("endpoint_node_name", endpoint.nodeName);
  set("endpoint_zone", endpoint.zone);
  addReference(labels, "endpointslice_address_target", endpoint.targetRef);
  for (const [name, value] of Object.entries(endpoint.deprecatedTopology ?? {})) {
    set(`endpoint_topology_${sanitizeName(name)}`, value);
    set(`endpoint_topology_present_${sanitizeName(name)}`, true);
  }
  return labels;
}

function addReference(labels: MetaLabels, prefix: string, target: ObjectReference | undefined): void {
  if (!target) return;
  labels[`${META}${prefix}_kind`] = target.kind ?? "";
  labels[`${META}${prefix}_name`] = target.name ?? "";
}
