// The kinds of objects that are watched: where the API has them, how its series name them, what is told of them.
import type { LabelValues } from "../interface.ts";
import {
  limitRangeFamilies,
  metadataFamilies,
  namespaceFamilies,
  nodeFamilies,
  resourceQuotaFamilies,
} from "./cluster.ts";
import { type AnyThing, gauge, type KubeFamily } from "./family.ts";
import { cronJobFamilies, jobFamilies } from "./jobs.ts";
import {
  endpointSliceFamilies,
  endpointsFamilies,
  ingressFamilies,
  networkPolicyFamilies,
  serviceFamilies,
} from "./network.ts";
import { podFamilies } from "./pods.ts";
import { sanitized } from "./quantity.ts";
import {
  autoscalerFamilies,
  disruptionBudgetFamilies,
  persistentVolumeClaimFamilies,
  persistentVolumeFamilies,
  storageClassFamilies,
} from "./storage-and-scaling.ts";
import { daemonSetFamilies, deploymentFamilies, replicaSetFamilies, statefulSetFamilies } from "./workloads.ts";

export interface KubeResource {
  /** Of the API: /api/v1 or /apis/<group>/<version>. */
  readonly base: string;
  readonly isOfCluster: boolean;
  /** Only metadata is asked for, so that the content never comes to this machine. */
  readonly isMetadataOnly: boolean;
  /** The labels that each series of an object starts with. */
  readonly identity: (object: AnyThing) => LabelValues;
  readonly families: ReadonlyArray<KubeFamily<AnyThing>>;
  /** The start of the names of its metrics: kube_pod. */
  readonly prefix: string;
}

interface Rough<T extends AnyThing> {
  readonly base: string;
  /** Of the label that holds the object's name. */
  readonly label: string;
  readonly families: ReadonlyArray<KubeFamily<T>>;
  readonly prefix?: string;
  readonly isOfCluster?: boolean;
  readonly isMetadataOnly?: boolean;
  readonly hasUid?: boolean;
}

function resource<T extends AnyThing>(rough: Rough<T>): KubeResource {
  const { base, label, isOfCluster = false, isMetadataOnly = false, hasUid = false } = rough;
  return {
    base,
    isOfCluster,
    isMetadataOnly,
    prefix: rough.prefix ?? `kube_${label}`,
    identity: ({ metadata }) => ({
      ...(!isOfCluster && { namespace: metadata?.namespace ?? "" }),
      [label]: metadata?.name ?? "",
      ...(hasUid && { uid: metadata?.uid ?? "" }),
    }),
    // The API's path says what the objects are.
    families: rough.families as ReadonlyArray<KubeFamily<AnyThing>>,
  };
}

const CORE = "/api/v1";
const APPS = "/apis/apps/v1";

/** By the name that the API's paths and the config file have. */
export const RESOURCES = {
  pods: resource({ base: CORE, label: "pod", families: podFamilies, hasUid: true }),
  nodes: resource({ base: CORE, label: "node", families: nodeFamilies, isOfCluster: true }),
  namespaces: resource({ base: CORE, label: "namespace", families: namespaceFamilies, isOfCluster: true }),
  services: resource({ base: CORE, label: "service", families: serviceFamilies, hasUid: true }),
  endpoints: resource({ base: CORE, label: "endpoint", families: endpointsFamilies }),
  endpointslices: resource({
    base: "/apis/discovery.k8s.io/v1",
    label: "endpointslice",
    families: endpointSliceFamilies,
  }),
  ingresses: resource({ base: "/apis/networking.k8s.io/v1", label: "ingress", families: ingressFamilies }),
  networkpolicies: resource({
    base: "/apis/networking.k8s.io/v1",
    label: "networkpolicy",
    families: networkPolicyFamilies,
  }),
  deployments: resource({ base: APPS, label: "deployment", families: deploymentFamilies }),
  statefulsets: resource({ base: APPS, label: "statefulset", families: statefulSetFamilies }),
  daemonsets: resource({ base: APPS, label: "daemonset", families: daemonSetFamilies }),
  replicasets: resource({ base: APPS, label: "replicaset", families: replicaSetFamilies }),
  jobs: resource({ base: "/apis/batch/v1", label: "job_name", prefix: "kube_job", families: jobFamilies }),
  cronjobs: resource({ base: "/apis/batch/v1", label: "cronjob", families: cronJobFamilies }),
  horizontalpodautoscalers: resource({
    base: "/apis/autoscaling/v2",
    label: "horizontalpodautoscaler",
    families: autoscalerFamilies,
  }),
  poddisruptionbudgets: resource({
    base: "/apis/policy/v1",
    label: "poddisruptionbudget",
    families: disruptionBudgetFamilies,
  }),
  persistentvolumes: resource({
    base: CORE,
    label: "persistentvolume",
    families: persistentVolumeFamilies,
    isOfCluster: true,
  }),
  persistentvolumeclaims: resource({
    base: CORE,
    label: "persistentvolumeclaim",
    families: persistentVolumeClaimFamilies,
  }),
  storageclasses: resource({
    base: "/apis/storage.k8s.io/v1",
    label: "storageclass",
    families: storageClassFamilies,
    isOfCluster: true,
  }),
  resourcequotas: resource({ base: CORE, label: "resourcequota", families: resourceQuotaFamilies }),
  limitranges: resource({ base: CORE, label: "limitrange", families: limitRangeFamilies }),
  configmaps: resource({
    base: CORE,
    label: "configmap",
    families: metadataFamilies("kube_configmap", "configmap"),
    isMetadataOnly: true,
  }),
  secrets: resource({
    base: CORE,
    label: "secret",
    families: metadataFamilies("kube_secret", "secret"),
    isMetadataOnly: true,
  }),
} as const satisfies Readonly<Record<string, KubeResource>>;

export type ResourceName = keyof typeof RESOURCES;
export const RESOURCE_NAMES = Object.keys(RESOURCES) as [ResourceName, ...ResourceName[]];

/** kube_*_labels: one series for each object, with those of its labels that are allowed; `*` allows all. */
export function labelsFamily(prefix: string, allowed: readonly string[]): KubeFamily<AnyThing> {
  const allowsAll = allowed.includes("*");
  return gauge(`${prefix}_labels`, "Kubernetes labels converted to Prometheus labels.", ({ metadata }) => {
    const labels: Record<string, string> = {};
    for (const [name, value] of Object.entries(metadata?.labels ?? {})) {
      if (!allowsAll && !allowed.includes(name)) continue;
      const wanted = `label_${sanitized(name)}`;
      // Different labels may become the same name: app.x and app-x.
      let free = wanted;
      for (let i = 1; free in labels; i++) free = `${wanted}_conflict${i}`;
      labels[free] = value;
    }
    return [[labels, 1]];
  });
}
