// The parts of Kubernetes objects that metrics are made of. All may be absent: what the API leaves out is not there.
import type { KubeMetadata, KubeObject } from "../../collect/discovery/kubernetes/objects.ts";

/** Resource → quantity, such as `500m` or `2Gi`. */
export type Quantities = Readonly<Record<string, string | number>>;

export interface Metadata extends KubeMetadata {
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly generation?: number;
}

export interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly lastTransitionTime?: string;
}

/** Any object of the API: spec and status by kind. */
export interface KubeThing<Spec, Status> extends KubeObject {
  readonly metadata?: Metadata;
  readonly spec?: Spec;
  readonly status?: Status;
}

export interface ContainerSpec {
  readonly name?: string;
  readonly image?: string;
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Quantities; readonly limits?: Quantities };
}

interface Terminated {
  readonly reason?: string;
  readonly exitCode?: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export interface ContainerStatus {
  readonly name?: string;
  readonly image?: string;
  readonly imageID?: string;
  readonly containerID?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: Terminated;
  };
  readonly lastState?: { readonly terminated?: Terminated };
}

export type Pod = KubeThing<
  {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly priorityClassName?: string;
    readonly restartPolicy?: string;
    readonly containers?: readonly ContainerSpec[];
    readonly initContainers?: readonly ContainerSpec[];
    readonly volumes?: ReadonlyArray<{
      readonly name?: string;
      readonly persistentVolumeClaim?: { readonly claimName?: string; readonly readOnly?: boolean };
    }>;
  },
  {
    readonly phase?: string;
    readonly reason?: string;
    readonly qosClass?: string;
    readonly podIP?: string;
    readonly hostIP?: string;
    readonly startTime?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  }
>;

export type Deployment = KubeThing<
  {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly strategy?: {
      readonly rollingUpdate?: { readonly maxUnavailable?: number | string; readonly maxSurge?: number | string };
    };
  },
  {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly unavailableReplicas?: number;
    readonly updatedReplicas?: number;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  }
>;

export type StatefulSet = KubeThing<
  { readonly replicas?: number },
  {
    readonly replicas?: number;
    readonly availableReplicas?: number;
    readonly currentReplicas?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly observedGeneration?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
  }
>;

export type DaemonSet = KubeThing<
  unknown,
  {
    readonly currentNumberScheduled?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberAvailable?: number;
    readonly numberMisscheduled?: number;
    readonly numberReady?: number;
    readonly numberUnavailable?: number;
    readonly updatedNumberScheduled?: number;
    readonly observedGeneration?: number;
  }
>;

export type ReplicaSet = KubeThing<
  { readonly replicas?: number },
  {
    readonly replicas?: number;
    readonly fullyLabeledReplicas?: number;
    readonly readyReplicas?: number;
    readonly observedGeneration?: number;
  }
>;

export type Job = KubeThing<
  { readonly parallelism?: number; readonly completions?: number; readonly activeDeadlineSeconds?: number },
  {
    readonly active?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly Condition[];
  }
>;

export type CronJob = KubeThing<
  {
    readonly schedule?: string;
    readonly concurrencyPolicy?: string;
    readonly timeZone?: string;
    readonly suspend?: boolean;
    readonly startingDeadlineSeconds?: number;
    readonly successfulJobsHistoryLimit?: number;
    readonly failedJobsHistoryLimit?: number;
  },
  {
    readonly active?: readonly unknown[];
    readonly lastScheduleTime?: string;
    readonly lastSuccessfulTime?: string;
  }
>;

export type Node = KubeThing<
  {
    readonly unschedulable?: boolean;
    readonly providerID?: string;
    readonly podCIDR?: string;
    readonly taints?: ReadonlyArray<{ readonly key?: string; readonly value?: string; readonly effect?: string }>;
  },
  {
    readonly conditions?: readonly Condition[];
    readonly capacity?: Quantities;
    readonly allocatable?: Quantities;
    readonly addresses?: ReadonlyArray<{ readonly type?: string; readonly address?: string }>;
    readonly nodeInfo?: {
      readonly kernelVersion?: string;
      readonly osImage?: string;
      readonly containerRuntimeVersion?: string;
      readonly kubeletVersion?: string;
      readonly kubeProxyVersion?: string;
      readonly systemUUID?: string;
    };
  }
>;

export type Namespace = KubeThing<unknown, { readonly phase?: string; readonly conditions?: readonly Condition[] }>;

export type Service = KubeThing<
  {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly externalName?: string;
    readonly externalTrafficPolicy?: string;
    readonly loadBalancerIP?: string;
    readonly externalIPs?: readonly string[];
  },
  {
    readonly loadBalancer?: { readonly ingress?: ReadonlyArray<{ readonly ip?: string; readonly hostname?: string }> };
  }
>;

interface EndpointSubset {
  readonly addresses?: ReadonlyArray<{ readonly ip?: string }>;
  readonly notReadyAddresses?: ReadonlyArray<{ readonly ip?: string }>;
  readonly ports?: ReadonlyArray<{ readonly name?: string; readonly port?: number; readonly protocol?: string }>;
}

export type Endpoints = KubeThing<unknown, unknown> & { readonly subsets?: readonly EndpointSubset[] };

export type EndpointSlice = KubeThing<unknown, unknown> & {
  readonly addressType?: string;
  readonly endpoints?: ReadonlyArray<{
    readonly addresses?: readonly string[];
    readonly hostname?: string;
    readonly nodeName?: string;
    readonly zone?: string;
    readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
    readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
  }>;
  readonly ports?: ReadonlyArray<{ readonly name?: string; readonly port?: number; readonly protocol?: string }>;
};

export type Ingress = KubeThing<
  {
    readonly ingressClassName?: string;
    readonly tls?: ReadonlyArray<{ readonly hosts?: readonly string[]; readonly secretName?: string }>;
    readonly rules?: ReadonlyArray<{
      readonly host?: string;
      readonly http?: {
        readonly paths?: ReadonlyArray<{
          readonly path?: string;
          readonly pathType?: string;
          readonly backend?: {
            readonly service?: {
              readonly name?: string;
              readonly port?: { readonly number?: number; readonly name?: string };
            };
          };
        }>;
      };
    }>;
  },
  unknown
>;

export type NetworkPolicy = KubeThing<
  { readonly ingress?: readonly unknown[]; readonly egress?: readonly unknown[] },
  unknown
>;

export type PersistentVolume = KubeThing<
  {
    readonly storageClassName?: string;
    readonly capacity?: Quantities;
    readonly claimRef?: { readonly name?: string; readonly namespace?: string };
    readonly persistentVolumeReclaimPolicy?: string;
    readonly csi?: { readonly driver?: string; readonly volumeHandle?: string };
    readonly local?: { readonly path?: string };
    readonly hostPath?: { readonly path?: string };
    readonly nfs?: { readonly server?: string; readonly path?: string };
  },
  { readonly phase?: string; readonly reason?: string }
>;

export type PersistentVolumeClaim = KubeThing<
  {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly volumeMode?: string;
    readonly accessModes?: readonly string[];
    readonly resources?: { readonly requests?: Quantities };
  },
  { readonly phase?: string; readonly conditions?: readonly Condition[] }
>;

interface MetricTarget {
  readonly averageUtilization?: number;
  readonly averageValue?: string | number;
  readonly value?: string | number;
}

/** A metric of an autoscaler: `type` says which of the others is there. */
export interface HpaMetric {
  readonly type?: string;
  readonly resource?: { readonly name?: string; readonly target?: MetricTarget; readonly current?: MetricTarget };
  readonly containerResource?: {
    readonly name?: string;
    readonly target?: MetricTarget;
    readonly current?: MetricTarget;
  };
  readonly pods?: NamedMetric;
  readonly object?: NamedMetric;
  readonly external?: NamedMetric;
}

interface NamedMetric {
  readonly metric?: { readonly name?: string };
  readonly target?: MetricTarget;
  readonly current?: MetricTarget;
}

export type HorizontalPodAutoscaler = KubeThing<
  {
    readonly minReplicas?: number;
    readonly maxReplicas?: number;
    readonly scaleTargetRef?: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string };
    readonly metrics?: readonly HpaMetric[];
  },
  {
    readonly currentReplicas?: number;
    readonly desiredReplicas?: number;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    readonly currentMetrics?: readonly HpaMetric[];
  }
>;

export type PodDisruptionBudget = KubeThing<
  unknown,
  {
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly disruptionsAllowed?: number;
    readonly expectedPods?: number;
    readonly observedGeneration?: number;
  }
>;

export type ResourceQuota = KubeThing<
  { readonly hard?: Quantities },
  { readonly hard?: Quantities; readonly used?: Quantities }
>;

export type LimitRange = KubeThing<
  {
    readonly limits?: ReadonlyArray<{
      readonly type?: string;
      readonly min?: Quantities;
      readonly max?: Quantities;
      readonly default?: Quantities;
      readonly defaultRequest?: Quantities;
      readonly maxLimitRequestRatio?: Quantities;
    }>;
  },
  unknown
>;

export type StorageClass = KubeThing<unknown, unknown> & {
  readonly provisioner?: string;
  readonly reclaimPolicy?: string;
  readonly volumeBindingMode?: string;
};
