// kube_service_*, kube_endpoint_*, kube_endpointslice_*, kube_ingress_*, kube_networkpolicy_*
import { created, gauge, info, type KubeFamily, type KubeSample, NO_SAMPLES } from "./family.ts";
import type { EndpointSlice, Endpoints, Ingress, NetworkPolicy, Service } from "./objects.ts";

export const serviceFamilies: ReadonlyArray<KubeFamily<Service>> = [
  info("kube_service_info", "Information about service.", ({ spec }) => ({
    cluster_ip: spec?.clusterIP ?? "",
    external_name: spec?.externalName ?? "",
    external_traffic_policy: spec?.externalTrafficPolicy ?? "",
    load_balancer_ip: spec?.loadBalancerIP ?? "",
  })),
  created("kube_service"),
  gauge("kube_service_spec_type", "Type about service.", ({ spec }) =>
    spec?.type === undefined ? NO_SAMPLES : [[{ type: spec.type }, 1]],
  ),
  gauge("kube_service_spec_external_ip", "Service external ips. One series for each ip", ({ spec }) =>
    [...new Set(spec?.externalIPs)].map((external_ip): KubeSample => [{ external_ip }, 1]),
  ),
  gauge("kube_service_status_load_balancer_ingress", "Service load balancer ingress status", ({ status }) =>
    (status?.loadBalancer?.ingress ?? []).map(({ ip = "", hostname = "" }): KubeSample => [{ ip, hostname }, 1]),
  ),
];

export const endpointsFamilies: ReadonlyArray<KubeFamily<Endpoints>> = [
  info("kube_endpoint_info", "Information about endpoint.", () => ({})),
  created("kube_endpoint"),
  gauge("kube_endpoint_address", "Information about Endpoint available and non available addresses.", ({ subsets }) => {
    // The same address is in several subsets when its ports differ in readiness.
    const seen = new Map<string, KubeSample>();
    for (const { addresses = [], notReadyAddresses = [], ports } of subsets ?? []) {
      const all = [
        ...addresses.map(({ ip = "" }) => [ip, "true"]),
        ...notReadyAddresses.map(({ ip = "" }) => [ip, "false"]),
      ];
      for (const [ip, ready] of all) {
        for (const { name = "", port, protocol = "TCP" } of ports ?? [{}]) {
          const labels = { ip, ready, port_protocol: protocol, port_number: String(port ?? ""), port_name: name };
          seen.set(JSON.stringify(labels), [labels, 1]);
        }
      }
    }
    return [...seen.values()];
  }),
];

export const endpointSliceFamilies: ReadonlyArray<KubeFamily<EndpointSlice>> = [
  info("kube_endpointslice_info", "Information about endpointslice.", ({ addressType }) => ({
    addresstype: addressType ?? "",
  })),
  created("kube_endpointslice"),
  gauge("kube_endpointslice_endpoints", "Endpoints attached to the endpointslice.", ({ endpoints }) =>
    (endpoints ?? []).flatMap(({ addresses = [], conditions, hostname, nodeName, zone, targetRef }) => {
      const labels = {
        ready: String(conditions?.ready ?? ""),
        serving: String(conditions?.serving ?? ""),
        terminating: String(conditions?.terminating ?? ""),
        hostname: hostname ?? "",
        targetref_kind: targetRef?.kind ?? "",
        targetref_name: targetRef?.name ?? "",
        targetref_namespace: targetRef?.namespace ?? "",
        endpoint_nodename: nodeName ?? "",
        endpoint_zone: zone ?? "",
      };
      return addresses.map((address): KubeSample => [{ address, ...labels }, 1]);
    }),
  ),
  gauge("kube_endpointslice_ports", "Ports attached to the endpointslice.", ({ ports }) =>
    (ports ?? []).map(({ name = "", port, protocol = "TCP" }): KubeSample => {
      return [{ port_name: name, port_protocol: protocol, port_number: String(port ?? "") }, 1];
    }),
  ),
];

export const ingressFamilies: ReadonlyArray<KubeFamily<Ingress>> = [
  info("kube_ingress_info", "Information about ingress.", ({ metadata, spec }) => ({
    ingressclass: spec?.ingressClassName ?? metadata?.annotations?.["kubernetes.io/ingress.class"] ?? "_default",
  })),
  created("kube_ingress"),
  gauge("kube_ingress_path", "Ingress host, paths and backend service information.", ({ spec }) =>
    (spec?.rules ?? []).flatMap(({ host = "", http }) =>
      (http?.paths ?? []).map(({ path = "", pathType = "", backend }): KubeSample => {
        const port = backend?.service?.port;
        const service = {
          service_name: backend?.service?.name ?? "",
          service_port: String(port?.number ?? port?.name ?? ""),
        };
        return [{ host, path, path_type: pathType, ...service }, 1];
      }),
    ),
  ),
  gauge("kube_ingress_tls", "Ingress TLS host and secret information.", ({ spec }) =>
    (spec?.tls ?? []).flatMap(({ hosts = [], secretName = "" }) =>
      hosts.map((tls_host): KubeSample => [{ tls_host, secret: secretName }, 1]),
    ),
  ),
];

export const networkPolicyFamilies: ReadonlyArray<KubeFamily<NetworkPolicy>> = [
  created("kube_networkpolicy"),
  gauge(
    "kube_networkpolicy_spec_ingress_rules",
    "Number of ingress rules on the networkpolicy",
    ({ spec }) => spec?.ingress?.length ?? 0,
  ),
  gauge(
    "kube_networkpolicy_spec_egress_rules",
    "Number of egress rules on the networkpolicy",
    ({ spec }) => spec?.egress?.length ?? 0,
  ),
];
