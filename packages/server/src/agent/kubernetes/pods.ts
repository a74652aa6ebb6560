// kube_pod_*
import {
  CONDITION_STATUSES,
  controllerOf,
  counter,
  created,
  deletionTimestamp,
  gauge,
  info,
  type KubeFamily,
  type KubeSample,
  NO_SAMPLES,
  oneOf,
  owners,
  resources,
} from "./family.ts";
import type { ContainerSpec, ContainerStatus, Pod } from "./objects.ts";
import { parseQuantity, unixSeconds } from "./quantity.ts";

const PHASES = ["Pending", "Succeeded", "Failed", "Unknown", "Running"];
const QOS_CLASSES = ["BestEffort", "Burstable", "Guaranteed"];
const REASONS = ["Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError"];

export const podFamilies: ReadonlyArray<KubeFamily<Pod>> = [
  info("kube_pod_info", "Information about pod.", ({ metadata, spec, status }) => {
    const { kind, name } = controllerOf(metadata);
    return {
      host_ip: status?.hostIP ?? "",
      pod_ip: status?.podIP ?? "",
      node: spec?.nodeName ?? "",
      created_by_kind: kind,
      created_by_name: name,
      priority_class: spec?.priorityClassName ?? "",
      host_network: String(spec?.hostNetwork === true),
    };
  }),
  owners("kube_pod"),
  created("kube_pod"),
  deletionTimestamp("kube_pod"),
  gauge("kube_pod_start_time", "Start time in unix timestamp for a pod.", ({ status }) =>
    unixSeconds(status?.startTime),
  ),
  gauge("kube_pod_completion_time", "Completion time in unix timestamp for a pod.", completionTime),
  gauge("kube_pod_restart_policy", "Describes the restart policy in use by this pod.", ({ spec }) =>
    spec?.restartPolicy === undefined ? NO_SAMPLES : [[{ type: spec.restartPolicy }, 1]],
  ),
  gauge("kube_pod_status_phase", "The pods current phase.", ({ status }) =>
    status?.phase === undefined ? NO_SAMPLES : oneOf("phase", PHASES, status.phase),
  ),
  podCondition("kube_pod_status_ready", "Describes whether the pod is ready to serve requests.", "Ready"),
  podCondition(
    "kube_pod_status_scheduled",
    "Describes the status of the scheduling process for the pod.",
    "PodScheduled",
  ),
  conditionTime("kube_pod_status_ready_time", "Readiness achieved time in unix timestamp for a pod.", "Ready"),
  conditionTime(
    "kube_pod_status_scheduled_time",
    "Unix timestamp when pod moved into scheduled status",
    "PodScheduled",
  ),
  conditionTime("kube_pod_status_initialized_time", "Initialized time in unix timestamp for a pod.", "Initialized"),
  gauge("kube_pod_status_unschedulable", "Describes the unschedulable status for the pod.", ({ status }) =>
    status?.conditions?.some(({ type, status, reason }) => {
      return type === "PodScheduled" && status === "False" && reason === "Unschedulable";
    })
      ? 1
      : undefined,
  ),
  gauge("kube_pod_status_reason", "The pod status reasons", ({ status }) =>
    REASONS.map((reason): KubeSample => {
      const isSo =
        status?.reason === reason ||
        status?.conditions?.some((condition) => condition.reason === reason) ||
        status?.containerStatuses?.some(({ state }) => state?.terminated?.reason === reason);
      return [{ reason }, isSo ? 1 : 0];
    }),
  ),
  gauge("kube_pod_status_qos_class", "The pods current qosClass.", ({ status }) =>
    status?.qosClass === undefined ? NO_SAMPLES : oneOf("qos_class", QOS_CLASSES, status.qosClass),
  ),
  volumes("info", "Information about persistentvolumeclaim volumes in a pod.", () => 1),
  volumes("readonly", "Describes whether a persistentvolumeclaim is mounted read only.", (isReadOnly) =>
    isReadOnly ? 1 : 0,
  ),
  ...containerFamilies("kube_pod_container", "container", {
    specs: ({ spec }) => spec?.containers ?? [],
    statuses: ({ status }) => status?.containerStatuses ?? [],
  }),
  ...containerFamilies("kube_pod_init_container", "init container", {
    specs: ({ spec }) => spec?.initContainers ?? [],
    statuses: ({ status }) => status?.initContainerStatuses ?? [],
  }),
];

/** When the last container of a pod that is done ended. */
function completionTime({ status }: Pod): number | undefined {
  if (status?.phase !== "Succeeded" && status?.phase !== "Failed") return undefined;
  const ends = (status.containerStatuses ?? []).flatMap(
    ({ state }) => unixSeconds(state?.terminated?.finishedAt) ?? [],
  );
  return ends.length > 0 ? Math.max(...ends) : undefined;
}

function podCondition(name: string, help: string, type: string): KubeFamily<Pod> {
  return gauge(name, help, ({ status }) => {
    const found = status?.conditions?.find((condition) => condition.type === type);
    return found ? oneOf("condition", CONDITION_STATUSES, found.status?.toLowerCase()) : NO_SAMPLES;
  });
}

function conditionTime(name: string, help: string, type: string): KubeFamily<Pod> {
  return gauge(name, help, ({ status }) => {
    const found = status?.conditions?.find((condition) => condition.type === type && condition.status === "True");
    return unixSeconds(found?.lastTransitionTime);
  });
}

function volumes(suffix: string, help: string, value: (isReadOnly: boolean) => number): KubeFamily<Pod> {
  return gauge(`kube_pod_spec_volumes_persistentvolumeclaims_${suffix}`, help, ({ spec }) =>
    (spec?.volumes ?? []).flatMap(({ name = "", persistentVolumeClaim: claim }): KubeSample[] => {
      if (!claim) return [];
      const labels = { volume: name, persistentvolumeclaim: claim.claimName ?? "" };
      return [[labels, value(claim.readOnly === true)]];
    }),
  );
}

interface ContainersOf {
  readonly specs: (pod: Pod) => readonly ContainerSpec[];
  readonly statuses: (pod: Pod) => readonly ContainerStatus[];
}

/** The same families for containers and for those that run before them. */
function containerFamilies(prefix: string, what: string, of: ContainersOf): ReadonlyArray<KubeFamily<Pod>> {
  const amounts = (name: "requests" | "limits", help: string) =>
    gauge(`${prefix}_resource_${name}`, help, (pod: Pod) =>
      of.specs(pod).flatMap((container) => {
        return resources(container.resources?.[name], {
          container: container.name ?? "",
          node: pod.spec?.nodeName ?? "",
        });
      }),
    );
  return [
    containerInfo(prefix, what, of),
    amounts("requests", `The number of requested resources by the ${what}.`),
    amounts("limits", `The number of requested limit resources by the ${what}.`),
    ...statusFamilies(prefix, what, of),
    ...lastStateFamilies(prefix, what, of),
  ];
}

function containerInfo(prefix: string, what: string, of: ContainersOf): KubeFamily<Pod> {
  return gauge(`${prefix}_info`, `Information about the ${what} in a pod.`, (pod: Pod) => {
    const specs = new Map(of.specs(pod).map((spec) => [spec.name, spec.image]));
    return of.statuses(pod).map((status): KubeSample => {
      const { name = "", image = "", imageID = "", containerID = "" } = status;
      const labels = { container: name, image_spec: specs.get(name) ?? "", image };
      return [{ ...labels, image_id: imageID, container_id: containerID }, 1];
    });
  });
}

/** A sample for each container of which there is a value. */
function eachContainer(of: ContainersOf, read: (status: ContainerStatus) => number | undefined) {
  return (pod: Pod): KubeSample[] =>
    of.statuses(pod).flatMap((status): KubeSample[] => {
      const value = read(status);
      return value === undefined ? [] : [[{ container: status.name ?? "" }, value]];
    });
}

/** A sample for each container that has a reason. */
function eachReason(of: ContainersOf, read: (status: ContainerStatus) => string | undefined) {
  return (pod: Pod): KubeSample[] =>
    of.statuses(pod).flatMap((status): KubeSample[] => {
      const reason = read(status);
      return reason ? [[{ container: status.name ?? "", reason }, 1]] : [];
    });
}

function statusFamilies(prefix: string, what: string, of: ContainersOf): ReadonlyArray<KubeFamily<Pod>> {
  const flag = (state: string, help: string, read: (status: ContainerStatus) => boolean) =>
    gauge(
      `${prefix}_status_${state}`,
      help,
      eachContainer(of, (status) => Number(read(status))),
    );
  const reason = (state: "waiting" | "terminated") =>
    gauge(
      `${prefix}_status_${state}_reason`,
      `Describes the reason the ${what} is in ${state} state.`,
      eachReason(of, (status) => status.state?.[state]?.reason),
    );
  const inState = (state: "waiting" | "running" | "terminated") =>
    flag(state, `Describes whether the ${what} is currently in ${state} state.`, (status) => !!status.state?.[state]);
  return [
    inState("waiting"),
    reason("waiting"),
    inState("running"),
    inState("terminated"),
    reason("terminated"),
    flag("ready", `Describes whether the ${what}s readiness check succeeded.`, ({ ready }) => ready === true),
    gauge(
      `${prefix}_state_started`,
      `Start time in unix timestamp for a pod ${what}.`,
      eachContainer(of, ({ state }) => unixSeconds(state?.running?.startedAt ?? state?.terminated?.startedAt)),
    ),
    counter(
      `${prefix}_status_restarts_total`,
      `The number of ${what} restarts per ${what}.`,
      eachContainer(of, ({ restartCount }) => restartCount ?? 0),
    ),
  ];
}

function lastStateFamilies(prefix: string, what: string, of: ContainersOf): ReadonlyArray<KubeFamily<Pod>> {
  return [
    gauge(
      `${prefix}_status_last_terminated_reason`,
      `Describes the last reason the ${what} was in terminated state.`,
      eachReason(of, ({ lastState }) => lastState?.terminated?.reason),
    ),
    gauge(
      `${prefix}_status_last_terminated_exitcode`,
      `Describes the exit code for the last ${what} in terminated state.`,
      eachContainer(of, ({ lastState }) => lastState?.terminated && (lastState.terminated.exitCode ?? 0)),
    ),
    gauge(
      `${prefix}_status_last_terminated_timestamp`,
      `Last terminated time for a pod ${what} in unix timestamp.`,
      eachContainer(of, ({ lastState }) => unixSeconds(lastState?.terminated?.finishedAt)),
    ),
  ];
}

/** By the names of kube-state-metrics 1, which had one for each resource. */
export const podFamiliesV1: ReadonlyArray<KubeFamily<Pod>> = (["requests", "limits"] as const).flatMap((which) => [
  amountV1(which, "cpu", "cpu_cores"),
  amountV1(which, "memory", "memory_bytes"),
]);

function amountV1(which: "requests" | "limits", resource: string, suffix: string): KubeFamily<Pod> {
  const name = `kube_pod_container_resource_${which}_${suffix}`;
  return gauge(name, `The ${which} of ${resource} of a container, by its name of kube-state-metrics 1.`, ({ spec }) =>
    (spec?.containers ?? []).flatMap(({ name = "", resources }): KubeSample[] => {
      const value = parseQuantity(resources?.[which]?.[resource]);
      return value === undefined ? [] : [[{ container: name, node: spec?.nodeName ?? "" }, value]];
    }),
  );
}
