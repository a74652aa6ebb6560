// kube_node_*, kube_namespace_*, kube_resourcequota, kube_limitrange, kube_configmap_*, kube_secret_*
import {
  type AnyThing,
  conditionStatus,
  created,
  deletionTimestamp,
  gauge,
  info,
  type KubeFamily,
  type KubeSample,
  oneOf,
  resources,
} from "./family.ts";
import type { LimitRange, Namespace, Node, ResourceQuota } from "./objects.ts";
import { parseQuantity } from "./quantity.ts";

const ROLE_LABEL = "node-role.kubernetes.io/";

export const nodeFamilies: ReadonlyArray<KubeFamily<Node>> = [
  info("kube_node_info", "Information about a cluster node.", ({ spec, status }) => {
    const about = status?.nodeInfo;
    return {
      kernel_version: about?.kernelVersion ?? "",
      os_image: about?.osImage ?? "",
      container_runtime_version: about?.containerRuntimeVersion ?? "",
      kubelet_version: about?.kubeletVersion ?? "",
      kubeproxy_version: about?.kubeProxyVersion ?? "",
      provider_id: spec?.providerID ?? "",
      pod_cidr: spec?.podCIDR ?? "",
      system_uuid: about?.systemUUID ?? "",
      internal_ip: status?.addresses?.find(({ type }) => type === "InternalIP")?.address ?? "",
    };
  }),
  created("kube_node"),
  deletionTimestamp("kube_node"),
  gauge("kube_node_role", "The role of a cluster node.", ({ metadata }) =>
    Object.keys(metadata?.labels ?? {})
      .filter((label) => label.startsWith(ROLE_LABEL))
      .map((label): KubeSample => [{ role: label.slice(ROLE_LABEL.length) }, 1]),
  ),
  gauge(
    "kube_node_spec_unschedulable",
    "Whether a node can schedule new pods.",
    ({ spec }) => spec?.unschedulable === true,
  ),
  gauge("kube_node_spec_taint", "The taint of a cluster node.", ({ spec }) =>
    (spec?.taints ?? []).map(({ key = "", value = "", effect = "" }): KubeSample => [{ key, value, effect }, 1]),
  ),
  gauge("kube_node_status_condition", "The condition of a cluster node.", ({ status }) =>
    (status?.conditions ?? []).flatMap((one) => conditionStatus(one, { condition: one.type ?? "" }, "status")),
  ),
  gauge("kube_node_status_capacity", "The total amount of resources available for a node.", ({ status }) =>
    resources(status?.capacity, {}),
  ),
  gauge(
    "kube_node_status_allocatable",
    "The amount of resources allocatable for pods (after reserving some for system daemons).",
    ({ status }) => resources(status?.allocatable, {}),
  ),
];

export const namespaceFamilies: ReadonlyArray<KubeFamily<Namespace>> = [
  created("kube_namespace"),
  gauge("kube_namespace_status_phase", "kubernetes namespace status phase.", ({ status }) =>
    oneOf("phase", ["Active", "Terminating"], status?.phase),
  ),
  gauge("kube_namespace_status_condition", "The condition of a namespace.", ({ status }) =>
    (status?.conditions ?? []).flatMap((one) => conditionStatus(one, { condition: one.type ?? "" }, "status")),
  ),
];

export const resourceQuotaFamilies: ReadonlyArray<KubeFamily<ResourceQuota>> = [
  created("kube_resourcequota"),
  gauge("kube_resourcequota", "Information about resource quota.", ({ status }) =>
    (["hard", "used"] as const).flatMap((type) =>
      Object.entries(status?.[type] ?? {}).flatMap(([resource, quantity]): KubeSample[] => {
        const value = parseQuantity(quantity);
        return value === undefined ? [] : [[{ resource, type }, value]];
      }),
    ),
  ),
];

const CONSTRAINTS = ["min", "max", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

export const limitRangeFamilies: ReadonlyArray<KubeFamily<LimitRange>> = [
  created("kube_limitrange"),
  gauge("kube_limitrange", "Information about limit range.", ({ spec }) =>
    (spec?.limits ?? []).flatMap((limit) =>
      CONSTRAINTS.flatMap((constraint) =>
        Object.entries(limit[constraint] ?? {}).flatMap(([resource, quantity]): KubeSample[] => {
          const value = parseQuantity(quantity);
          return value === undefined ? [] : [[{ resource, type: limit.type ?? "", constraint }, value]];
        }),
      ),
    ),
  ),
];

/** Of objects whose content is never asked for. */
export function metadataFamilies(prefix: string, what: string): ReadonlyArray<KubeFamily<AnyThing>> {
  return [
    info(`${prefix}_info`, `Information about ${what}.`, () => ({})),
    created(prefix),
    gauge(
      `${prefix}_metadata_resource_version`,
      `Resource version representing a specific version of the ${what}.`,
      ({ metadata }) => {
        const version = Number(metadata?.resourceVersion);
        return Number.isFinite(version) ? version : undefined;
      },
    ),
  ];
}
