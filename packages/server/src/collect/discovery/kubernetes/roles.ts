// From objects to targets, a function for each role but the endpoint roles, which are in files of their own.
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
} from "./labels.ts";
import type { Ingress, KubeObject, Node, Pod, Service } from "./objects.ts";

/** Finds the objects that another one names; undefined where they are not known or not asked for. */
export interface Related {
  pod(namespace: string | undefined, name: string): Pod | undefined;
  service(namespace: string | undefined, name: string): Service | undefined;
  node(name: string | undefined): Node | undefined;
  namespace(name: string | undefined): KubeObject | undefined;
}

export type BuildTargets<T> = (object: T, related: Related) => TargetGroup[];

const group = (address: string, ...labels: readonly MetaLabels[]): TargetGroup => ({
  targets: [address],
  labels: Object.assign({}, ...labels) as MetaLabels,
});

export function namespaceLabels(name: string | undefined, related: Related): MetaLabels {
  const labels: MetaLabels = { [`${META}namespace`]: name ?? "" };
  addMetadata(labels, related.namespace(name)?.metadata, "namespace");
  return labels;
}

const ADDRESS_TYPES = ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"];

/** The kubelet of each node. */
export const nodeTargets: BuildTargets<Node> = (node) => {
  const addresses = node.status?.addresses ?? [];
  const found = ADDRESS_TYPES.map((type) => addresses.find((one) => one.type === type)).find(Boolean);
  if (!found) return [];
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
  const name = node.metadata?.name ?? "";
  const labels: MetaLabels = {
    instance: name,
    [`${META}node_name`]: name,
    [`${META}node_provider_id`]: node.spec?.providerID ?? "",
  };
  addMetadata(labels, node.metadata, "node");
  for (const { type, address } of addresses) labels[`${META}node_address_${sanitizeName(type)}`] ??= address;
  return [group(joinHostPort(found.address, port), labels)];
};

/** Each port of each container; a container without ports by the pod's address alone. */
export const podTargets: BuildTargets<Pod> = (pod, related) => {
  const ip = pod.status?.podIP;
  if (!ip) return [];
  const shared = { ...podLabels(pod), ...namespaceLabels(pod.metadata?.namespace, related) };
  addNodeLabels(shared, related.node(pod.spec?.nodeName));
  const containers = [
    ...(pod.spec?.containers ?? []).map((container) => ({ container, isInit: false })),
    ...(pod.spec?.initContainers ?? []).map((container) => ({ container, isInit: true })),
  ];
  return containers.flatMap(({ container, isInit }) => {
    const init = { [`${META}pod_container_init`]: String(isInit) };
    const ports = container.ports ?? [];
    if (ports.length === 0) return [group(ip, shared, containerLabels(pod, container), init)];
    return ports.map((port) =>
      group(joinHostPort(ip, port.containerPort), shared, containerLabels(pod, container, port), init),
    );
  });
};

/** Each port of each service, by its name in the cluster's DNS. */
export const serviceTargets: BuildTargets<Service> = (service, related) => {
  const { metadata, spec } = service;
  const shared: MetaLabels = {
    ...namespaceLabels(metadata?.namespace, related),
    [`${META}service_name`]: metadata?.name ?? "",
    [`${META}service_type`]: spec?.type ?? "",
  };
  addMetadata(shared, metadata, "service");
  if (spec?.type === "ExternalName") shared[`${META}service_external_name`] = spec.externalName ?? "";
  else shared[`${META}service_cluster_ip`] = spec?.clusterIP ?? "";
  if (spec?.type === "LoadBalancer") shared[`${META}service_loadbalancer_ip`] = spec.loadBalancerIP ?? "";
  return (spec?.ports ?? []).map((port) =>
    group(`${metadata?.name}.${metadata?.namespace}.svc:${port.port}`, shared, {
      [`${META}service_port_name`]: port.name ?? "",
      [`${META}service_port_number`]: String(port.port),
      [`${META}service_port_protocol`]: port.protocol ?? "",
    }),
  );
};

/** Each path of each rule. */
export const ingressTargets: BuildTargets<Ingress> = (ingress, related) => {
  const { metadata, spec } = ingress;
  const shared: MetaLabels = {
    ...namespaceLabels(metadata?.namespace, related),
    [`${META}ingress_name`]: metadata?.name ?? "",
  };
  addMetadata(shared, metadata, "ingress");
  if (spec?.ingressClassName) shared[`${META}ingress_class_name`] = spec.ingressClassName;
  const secured = (spec?.tls ?? []).flatMap(({ hosts }) => hosts ?? []);
  return (spec?.rules ?? []).flatMap(({ host = "", http }) => {
    const scheme = secured.some((pattern) => matchesHost(pattern, host)) ? "https" : "http";
    // A rule without paths is for all of them.
    const paths = http?.paths?.length ? http.paths.map(({ path }) => path || "/") : ["/"];
    return paths.map((path) =>
      group(host, shared, {
        [`${META}ingress_scheme`]: scheme,
        [`${META}ingress_host`]: host,
        [`${META}ingress_path`]: path,
      }),
    );
  });
};

/** A wildcard stands for the first part of a name only. */
function matchesHost(pattern: string, host: string): boolean {
  if (pattern === host) return true;
  return pattern.startsWith("*.") && host.includes(".") && host.slice(host.indexOf(".")) === pattern.slice(1);
}
