// kube_persistentvolume_*, kube_persistentvolumeclaim_*, kube_storageclass_*, kube_horizontalpodautoscaler_*,
// kube_poddisruptionbudget_*
import {
  conditionStatus,
  created,
  deletionTimestamp,
  gauge,
  info,
  type KubeFamily,
  type KubeSample,
  metadataGeneration,
  oneOf,
  statusNumber,
} from "./family.ts";
import type {
  HorizontalPodAutoscaler,
  HpaMetric,
  PersistentVolume,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  StorageClass,
} from "./objects.ts";
import { parseQuantity } from "./quantity.ts";

export const persistentVolumeFamilies: ReadonlyArray<KubeFamily<PersistentVolume>> = [
  info("kube_persistentvolume_info", "Information about persistentvolume.", ({ spec }) => ({
    storageclass: spec?.storageClassName ?? "",
    csi_driver: spec?.csi?.driver ?? "",
    csi_volume_handle: spec?.csi?.volumeHandle ?? "",
    local_path: spec?.local?.path ?? "",
    host_path: spec?.hostPath?.path ?? "",
    nfs_server: spec?.nfs?.server ?? "",
    nfs_path: spec?.nfs?.path ?? "",
    reclaim_policy: spec?.persistentVolumeReclaimPolicy ?? "",
  })),
  created("kube_persistentvolume"),
  deletionTimestamp("kube_persistentvolume"),
  gauge(
    "kube_persistentvolume_status_phase",
    "The phase indicates if a volume is available, bound to a claim, or released by a claim.",
    (volume) => oneOf("phase", ["Pending", "Available", "Bound", "Released", "Failed"], volume.status?.phase),
  ),
  gauge("kube_persistentvolume_claim_ref", "Information about the Persistent Volume Claim Reference.", ({ spec }) =>
    spec?.claimRef ? [[{ name: spec.claimRef.name ?? "", claim_namespace: spec.claimRef.namespace ?? "" }, 1]] : [],
  ),
  gauge("kube_persistentvolume_capacity_bytes", "Persistentvolume capacity in bytes.", ({ spec }) =>
    parseQuantity(spec?.capacity?.storage),
  ),
];

export const persistentVolumeClaimFamilies: ReadonlyArray<KubeFamily<PersistentVolumeClaim>> = [
  info("kube_persistentvolumeclaim_info", "Information about persistent volume claim.", ({ spec }) => ({
    storageclass: spec?.storageClassName ?? "",
    volumename: spec?.volumeName ?? "",
    volumemode: spec?.volumeMode ?? "",
  })),
  created("kube_persistentvolumeclaim"),
  deletionTimestamp("kube_persistentvolumeclaim"),
  gauge(
    "kube_persistentvolumeclaim_status_phase",
    "The phase the persistent volume claim is currently in.",
    ({ status }) => oneOf("phase", ["Lost", "Bound", "Pending"], status?.phase),
  ),
  gauge(
    "kube_persistentvolumeclaim_status_condition",
    "Information about status of different conditions of persistent volume claim.",
    (claim) =>
      (claim.status?.conditions ?? []).flatMap((one) => conditionStatus(one, { condition: one.type ?? "" }, "status")),
  ),
  gauge(
    "kube_persistentvolumeclaim_resource_requests_storage_bytes",
    "The capacity of storage requested by the persistent volume claim.",
    ({ spec }) => parseQuantity(spec?.resources?.requests?.storage),
  ),
  gauge(
    "kube_persistentvolumeclaim_access_mode",
    "The access mode(s) specified by the persistent volume claim.",
    ({ spec }) => [...new Set(spec?.accessModes)].map((access_mode): KubeSample => [{ access_mode }, 1]),
  ),
];

export const storageClassFamilies: ReadonlyArray<KubeFamily<StorageClass>> = [
  info("kube_storageclass_info", "Information about storageclass.", (storage) => ({
    provisioner: storage.provisioner ?? "",
    reclaim_policy: storage.reclaimPolicy ?? "Delete",
    volume_binding_mode: storage.volumeBindingMode ?? "Immediate",
  })),
  created("kube_storageclass"),
];

export const autoscalerFamilies: ReadonlyArray<KubeFamily<HorizontalPodAutoscaler>> = [
  info("kube_horizontalpodautoscaler_info", "Information about this autoscaler.", ({ spec }) => ({
    scaletargetref_api_version: spec?.scaleTargetRef?.apiVersion ?? "",
    scaletargetref_kind: spec?.scaleTargetRef?.kind ?? "",
    scaletargetref_name: spec?.scaleTargetRef?.name ?? "",
  })),
  created("kube_horizontalpodautoscaler"),
  metadataGeneration("kube_horizontalpodautoscaler"),
  gauge(
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "Upper limit for the number of pods that can be set by the autoscaler.",
    ({ spec }) => spec?.maxReplicas,
  ),
  gauge(
    "kube_horizontalpodautoscaler_spec_min_replicas",
    "Lower limit for the number of pods that can be set by the autoscaler, default 1.",
    ({ spec }) => spec?.minReplicas ?? 1,
  ),
  gauge(
    "kube_horizontalpodautoscaler_spec_target_metric",
    "The metric specifications used by this autoscaler.",
    (hpa) => (hpa.spec?.metrics ?? []).flatMap((metric) => metricSamples(metric, "target")),
  ),
  gauge(
    "kube_horizontalpodautoscaler_status_target_metric",
    "The current metric status used by this autoscaler.",
    (hpa) => (hpa.status?.currentMetrics ?? []).flatMap((metric) => metricSamples(metric, "current")),
  ),
  statusNumber(
    "kube_horizontalpodautoscaler_status_current_replicas",
    "Current number of replicas of pods managed by this autoscaler.",
    ({ status }) => status?.currentReplicas,
  ),
  statusNumber(
    "kube_horizontalpodautoscaler_status_desired_replicas",
    "Desired number of replicas of pods managed by this autoscaler.",
    ({ status }) => status?.desiredReplicas,
  ),
  gauge("kube_horizontalpodautoscaler_status_condition", "The condition of this autoscaler.", ({ status }) =>
    (status?.conditions ?? []).flatMap((one) => conditionStatus(one, { condition: one.type ?? "" }, "status")),
  ),
];

function metricSamples(metric: HpaMetric, which: "target" | "current"): KubeSample[] {
  const byResource = metric.resource ?? metric.containerResource;
  const byName = metric.pods ?? metric.object ?? metric.external;
  const values = byResource?.[which] ?? byName?.[which];
  const metric_name = byResource?.name ?? byName?.metric?.name;
  if (!values || metric_name === undefined) return [];
  const amounts: ReadonlyArray<readonly [string, number | undefined]> = [
    ["utilization", values.averageUtilization],
    ["average", parseQuantity(values.averageValue)],
    ["value", parseQuantity(values.value)],
  ];
  return amounts.flatMap(([metric_target_type, value]): KubeSample[] => {
    return value === undefined ? [] : [[{ metric_name, metric_target_type }, value]];
  });
}

export const disruptionBudgetFamilies: ReadonlyArray<KubeFamily<PodDisruptionBudget>> = [
  created("kube_poddisruptionbudget"),
  statusNumber(
    "kube_poddisruptionbudget_status_current_healthy",
    "Current number of healthy pods",
    (b) => b.status?.currentHealthy,
  ),
  statusNumber(
    "kube_poddisruptionbudget_status_desired_healthy",
    "Minimum desired number of healthy pods",
    (b) => b.status?.desiredHealthy,
  ),
  statusNumber(
    "kube_poddisruptionbudget_status_pod_disruptions_allowed",
    "Number of pod disruptions that are currently allowed",
    (b) => b.status?.disruptionsAllowed,
  ),
  statusNumber(
    "kube_poddisruptionbudget_status_expected_pods",
    "Total number of pods counted by this disruption budget",
    (b) => b.status?.expectedPods,
  ),
  statusNumber(
    "kube_poddisruptionbudget_status_observed_generation",
    "Most recent generation observed when updating this PDB status",
    (b) => b.status?.observedGeneration,
  ),
];
