// kube_deployment_*, kube_statefulset_*, kube_daemonset_*, kube_replicaset_*
import {
  conditionStatus,
  created,
  gauge,
  type KubeFamily,
  metadataGeneration,
  NO_SAMPLES,
  owners,
  statusNumber,
} from "./family.ts";
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "./objects.ts";

const OBSERVED = "The generation observed by the controller.";

export const deploymentFamilies: ReadonlyArray<KubeFamily<Deployment>> = [
  created("kube_deployment"),
  metadataGeneration("kube_deployment"),
  owners("kube_deployment"),
  gauge("kube_deployment_spec_replicas", "Number of desired pods for a deployment.", ({ spec }) => spec?.replicas ?? 1),
  gauge("kube_deployment_spec_paused", "Whether the deployment is paused.", ({ spec }) => spec?.paused === true),
  rolling(
    "max_unavailable",
    "Maximum number of unavailable replicas during a rolling update.",
    "maxUnavailable",
    Math.floor,
  ),
  rolling("max_surge", "Maximum number of replicas above the desired during a rolling update.", "maxSurge", Math.ceil),
  statusNumber("kube_deployment_status_replicas", "The number of replicas per deployment.", (d) => d.status?.replicas),
  statusNumber(
    "kube_deployment_status_replicas_ready",
    "The number of ready replicas per deployment.",
    (d) => d.status?.readyReplicas,
  ),
  statusNumber(
    "kube_deployment_status_replicas_available",
    "The number of available replicas per deployment.",
    (d) => d.status?.availableReplicas,
  ),
  statusNumber(
    "kube_deployment_status_replicas_unavailable",
    "The number of unavailable replicas per deployment.",
    (d) => d.status?.unavailableReplicas,
  ),
  statusNumber(
    "kube_deployment_status_replicas_updated",
    "The number of updated replicas per deployment.",
    (d) => d.status?.updatedReplicas,
  ),
  statusNumber("kube_deployment_status_observed_generation", OBSERVED, (d) => d.status?.observedGeneration),
  gauge("kube_deployment_status_condition", "The current status conditions of a deployment.", ({ status }) =>
    (status?.conditions ?? []).flatMap((one) => conditionStatus(one, { condition: one.type ?? "" }, "status")),
  ),
];

/** A number or a share of the replicas; each bound is rounded its own way. */
function rolling(
  suffix: string,
  help: string,
  key: "maxUnavailable" | "maxSurge",
  round: (share: number) => number,
): KubeFamily<Deployment> {
  return gauge(`kube_deployment_spec_strategy_rollingupdate_${suffix}`, help, ({ spec }) => {
    const value = spec?.strategy?.rollingUpdate?.[key];
    if (typeof value === "number" || value === undefined) return value;
    const percent = /^(\d+)%$/.exec(value);
    return percent ? round((Number(percent[1]) * (spec?.replicas ?? 1)) / 100) : undefined;
  });
}

export const statefulSetFamilies: ReadonlyArray<KubeFamily<StatefulSet>> = [
  created("kube_statefulset"),
  metadataGeneration("kube_statefulset"),
  owners("kube_statefulset"),
  gauge("kube_statefulset_replicas", "Number of desired pods for a StatefulSet.", ({ spec }) => spec?.replicas ?? 1),
  statusNumber(
    "kube_statefulset_status_replicas",
    "The number of replicas per StatefulSet.",
    (s) => s.status?.replicas,
  ),
  statusNumber(
    "kube_statefulset_status_replicas_available",
    "The number of available replicas per StatefulSet.",
    (s) => s.status?.availableReplicas,
  ),
  statusNumber(
    "kube_statefulset_status_replicas_current",
    "The number of current replicas per StatefulSet.",
    (s) => s.status?.currentReplicas,
  ),
  statusNumber(
    "kube_statefulset_status_replicas_ready",
    "The number of ready replicas per StatefulSet.",
    (s) => s.status?.readyReplicas,
  ),
  statusNumber(
    "kube_statefulset_status_replicas_updated",
    "The number of updated replicas per StatefulSet.",
    (s) => s.status?.updatedReplicas,
  ),
  statusNumber("kube_statefulset_status_observed_generation", OBSERVED, (s) => s.status?.observedGeneration),
  revision(
    "current",
    "Indicates the version of the StatefulSet of the first pods.",
    ({ status }) => status?.currentRevision,
  ),
  revision(
    "update",
    "Indicates the version of the StatefulSet of the last pods.",
    ({ status }) => status?.updateRevision,
  ),
];

function revision(
  which: string,
  help: string,
  read: (set: StatefulSet) => string | undefined,
): KubeFamily<StatefulSet> {
  return gauge(`kube_statefulset_status_${which}_revision`, help, (set) => {
    const revision = read(set);
    return revision === undefined ? NO_SAMPLES : [[{ revision }, 1]];
  });
}

export const daemonSetFamilies: ReadonlyArray<KubeFamily<DaemonSet>> = [
  created("kube_daemonset"),
  metadataGeneration("kube_daemonset"),
  statusNumber(
    "kube_daemonset_status_current_number_scheduled",
    "The number of nodes running at least one daemon pod and are supposed to.",
    (d) => d.status?.currentNumberScheduled,
  ),
  statusNumber(
    "kube_daemonset_status_desired_number_scheduled",
    "The number of nodes that should be running the daemon pod.",
    (d) => d.status?.desiredNumberScheduled,
  ),
  statusNumber(
    "kube_daemonset_status_number_available",
    "The number of nodes that should be running the daemon pod and have it available.",
    (d) => d.status?.numberAvailable,
  ),
  statusNumber(
    "kube_daemonset_status_number_misscheduled",
    "The number of nodes running a daemon pod but are not supposed to.",
    (d) => d.status?.numberMisscheduled,
  ),
  statusNumber(
    "kube_daemonset_status_number_ready",
    "The number of nodes that should be running the daemon pod and have it ready.",
    (d) => d.status?.numberReady,
  ),
  statusNumber(
    "kube_daemonset_status_number_unavailable",
    "The number of nodes that should be running the daemon pod and have none available.",
    (d) => d.status?.numberUnavailable,
  ),
  statusNumber(
    "kube_daemonset_status_updated_number_scheduled",
    "The total number of nodes that are running updated daemon pod.",
    (d) => d.status?.updatedNumberScheduled,
  ),
  statusNumber("kube_daemonset_status_observed_generation", OBSERVED, (d) => d.status?.observedGeneration),
];

export const replicaSetFamilies: ReadonlyArray<KubeFamily<ReplicaSet>> = [
  created("kube_replicaset"),
  metadataGeneration("kube_replicaset"),
  owners("kube_replicaset"),
  gauge("kube_replicaset_spec_replicas", "Number of desired pods for a ReplicaSet.", ({ spec }) => spec?.replicas ?? 1),
  statusNumber("kube_replicaset_status_replicas", "The number of replicas per ReplicaSet.", (r) => r.status?.replicas),
  statusNumber(
    "kube_replicaset_status_fully_labeled_replicas",
    "The number of fully labeled replicas per ReplicaSet.",
    (r) => r.status?.fullyLabeledReplicas,
  ),
  statusNumber(
    "kube_replicaset_status_ready_replicas",
    "The number of ready replicas per ReplicaSet.",
    (r) => r.status?.readyReplicas,
  ),
  statusNumber("kube_replicaset_status_observed_generation", OBSERVED, (r) => r.status?.observedGeneration),
];
