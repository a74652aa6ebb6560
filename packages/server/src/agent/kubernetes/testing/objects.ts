// Objects of a shop's cluster in the shape that the API gives, cut to what metrics are made of.
import type { AnyThing } from "../family.ts";
import type { Pod } from "../objects.ts";
import type { ResourceName } from "../resources.ts";

const AT = "2026-09-21T14:13:20Z"; // 1,790,000,000 s
const meta = (name: string, more: object = {}) => ({ name, namespace: "shop", creationTimestamp: AT, ...more });
const condition = (type: string, status: string, more: object = {}) => ({
  type,
  status,
  lastTransitionTime: AT,
  ...more,
});
const owner = (kind: string, name: string) => [{ kind, name, controller: true }];

const POD = {
  metadata: meta("web-7d4b9c", {
    uid: "0a1b2c",
    deletionTimestamp: AT,
    labels: { "app.kubernetes.io/name": "web", tier: "front" },
    ownerReferences: owner("ReplicaSet", "web-7d4b"),
  }),
  spec: {
    nodeName: "node-1",
    restartPolicy: "Always",
    initContainers: [
      { name: "migrate", image: "registry/web:1.2", resources: { requests: { cpu: "1" }, limits: { cpu: 1 } } },
    ],
    containers: [
      {
        name: "app",
        image: "registry/web:1.2",
        resources: {
          requests: { cpu: "100m", memory: "256Mi", "nvidia.com/gpu": "1" },
          limits: { memory: "512Mi" },
        },
      },
      { name: "proxy", image: "registry/proxy:1" },
    ],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data", readOnly: true } }, { name: "tmp" }],
  },
  status: {
    phase: "Running",
    qosClass: "Burstable",
    podIP: "10.244.1.7",
    hostIP: "192.168.1.10",
    startTime: AT,
    conditions: [
      condition("Initialized", "True"),
      condition("PodScheduled", "True"),
      condition("Ready", "False", { reason: "ContainersNotReady" }),
    ],
    initContainerStatuses: [
      {
        name: "migrate",
        image: "registry/web:1.2",
        ready: true,
        restartCount: 1,
        containerID: "containerd://bb",
        state: { terminated: { reason: "Completed", exitCode: 0, startedAt: AT, finishedAt: AT } },
        lastState: { terminated: { reason: "Error", exitCode: 1, finishedAt: AT } },
      },
    ],
    containerStatuses: [
      {
        name: "app",
        image: "registry/web:1.2",
        imageID: "registry/web@sha256:1",
        containerID: "containerd://aa",
        ready: false,
        restartCount: 7,
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { reason: "OOMKilled", exitCode: 137, finishedAt: AT } },
      },
      { name: "proxy", image: "registry/proxy:1", ready: true, restartCount: 0, state: { running: { startedAt: AT } } },
    ],
  },
};

/** One of many pods of a usual shape: two containers with requests and limits. */
export function podOf(i: number, { isReady = true } = {}): Pod {
  const container = (name: string) => ({
    name,
    image: `registry.example/shop/${name}:1.2.3`,
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "1", memory: "256Mi" } },
  });
  const status = (name: string) => ({
    name,
    image: `registry.example/shop/${name}:1.2.3`,
    imageID: `registry.example/shop/${name}@sha256:${"0123456789abcdef".repeat(4)}`,
    containerID: `containerd://${String(i).padStart(64, "0")}`,
    ready: isReady,
    restartCount: i % 3,
    state: { running: { startedAt: AT } },
  });
  return {
    metadata: meta(`p${i}`, { uid: `u${i}`, ownerReferences: owner("ReplicaSet", `r${Math.floor(i / 3)}`) }),
    spec: { nodeName: `node-${i % 100}`, restartPolicy: "Always", containers: [container("app"), container("proxy")] },
    status: {
      phase: "Running",
      qosClass: "Burstable",
      podIP: `10.0.${i >> 8}.${i & 255}`,
      hostIP: "192.168.1.10",
      startTime: AT,
      conditions: [condition("PodScheduled", "True"), condition("Ready", isReady ? "True" : "False")],
      containerStatuses: [status("app"), status("proxy")],
    },
  };
}

const UNSCHEDULABLE = [condition("PodScheduled", "False", { reason: "Unschedulable" })];

/** Pods in states that the one above is not in. */
const FURTHER_PODS = [
  {
    metadata: { name: "done", namespace: "batch", uid: "d" },
    status: {
      phase: "Succeeded",
      conditions: [condition("Ready", "True")],
      containerStatuses: [{ name: "job", state: { terminated: { reason: "Completed", exitCode: 0, finishedAt: AT } } }],
    },
  },
  {
    metadata: { name: "wait", namespace: "batch", uid: "w" },
    status: {
      phase: "Pending",
      conditions: UNSCHEDULABLE,
      initContainerStatuses: [{ name: "i", state: { waiting: { reason: "PodInitializing" } } }],
    },
  },
];
export const PODS_IN_OTHER_STATES: readonly AnyThing[] = FURTHER_PODS;

/** At least one object of each kind. */
export const OBJECTS: Readonly<Record<ResourceName, readonly AnyThing[]>> = {
  pods: [POD],
  nodes: [
    {
      metadata: {
        name: "node-1",
        deletionTimestamp: AT,
        creationTimestamp: AT,
        labels: { "node-role.kubernetes.io/control-plane": "" },
      },
      spec: {
        providerID: "aws:///eu-1a/i-1",
        unschedulable: true,
        taints: [{ key: "dedicated", value: "db", effect: "NoSchedule" }],
      },
      status: {
        conditions: [condition("Ready", "Unknown")],
        capacity: { cpu: "4", memory: "16384000Ki", pods: "110" },
        allocatable: { cpu: "3920m", memory: "16000000Ki", "hugepages-2Mi": "0", pods: "110" },
        addresses: [{ type: "InternalIP", address: "192.168.1.10" }],
        nodeInfo: { kernelVersion: "6.1.0", kubeletVersion: "v1.33.1", osImage: "Debian" },
      },
    },
  ],
  namespaces: [
    {
      metadata: { name: "shop", creationTimestamp: AT },
      status: { phase: "Active", conditions: [condition("NamespaceDeletionContentFailure", "False")] },
    },
  ],
  services: [
    {
      metadata: meta("web", { uid: "s-1" }),
      spec: { type: "LoadBalancer", clusterIP: "10.96.0.5", externalIPs: ["203.0.113.9"] },
      status: { loadBalancer: { ingress: [{ ip: "203.0.113.10" }] } },
    },
  ],
  endpoints: [
    {
      metadata: meta("web"),
      subsets: [
        {
          addresses: [{ ip: "10.244.1.7" }],
          notReadyAddresses: [{ ip: "10.244.9.9" }],
          ports: [{ name: "http", port: 8080, protocol: "TCP" }],
        },
      ],
    } as AnyThing,
  ],
  endpointslices: [
    {
      metadata: meta("web-x1"),
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.244.1.7"], conditions: { ready: true }, nodeName: "node-1" }],
      ports: [{ name: "http", port: 8080 }],
    } as AnyThing,
  ],
  ingresses: [
    {
      metadata: meta("front"),
      spec: {
        ingressClassName: "nginx",
        tls: [{ hosts: ["acme.shop.example"], secretName: "tls" }],
        rules: [
          {
            host: "acme.shop.example",
            http: {
              paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }],
            },
          },
        ],
      },
    },
  ],
  networkpolicies: [{ metadata: meta("deny"), spec: { ingress: [{}] } }],
  deployments: [
    {
      metadata: meta("web", { generation: 5 }),
      spec: { replicas: 3, strategy: { rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } } },
      status: {
        replicas: 3,
        readyReplicas: 2,
        availableReplicas: 2,
        unavailableReplicas: 1,
        updatedReplicas: 3,
        observedGeneration: 4,
        conditions: [condition("Progressing", "False", { reason: "ProgressDeadlineExceeded" })],
      },
    },
  ],
  statefulsets: [
    {
      metadata: meta("db", { generation: 2 }),
      spec: { replicas: 1 },
      status: { replicas: 1, observedGeneration: 2, currentRevision: "db-1", updateRevision: "db-2" },
    },
  ],
  daemonsets: [
    {
      metadata: meta("logs", { generation: 1 }),
      status: { currentNumberScheduled: 2, desiredNumberScheduled: 3, numberMisscheduled: 1, numberReady: 2 },
    },
  ],
  replicasets: [
    {
      metadata: meta("web-7d4b", { generation: 1, ownerReferences: owner("Deployment", "web") }),
      spec: { replicas: 3 },
      status: { replicas: 3, readyReplicas: 2 },
    },
  ],
  jobs: [
    {
      metadata: meta("backup-1", { ownerReferences: owner("CronJob", "backup") }),
      spec: { completions: 1, parallelism: 1, activeDeadlineSeconds: 600 },
      status: {
        failed: 4,
        startTime: AT,
        conditions: [condition("Failed", "True", { reason: "BackoffLimitExceeded" })],
      },
    },
    {
      metadata: meta("backup-2"),
      status: { succeeded: 1, startTime: AT, completionTime: AT, conditions: [condition("Complete", "True")] },
    },
  ],
  cronjobs: [
    {
      metadata: meta("backup"),
      spec: {
        schedule: "0 3 * * *",
        startingDeadlineSeconds: 60,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
      },
      status: { active: [{}], lastScheduleTime: AT, lastSuccessfulTime: AT },
    },
  ],
  horizontalpodautoscalers: [
    {
      metadata: meta("web", { generation: 1 }),
      spec: {
        minReplicas: 2,
        maxReplicas: 10,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
        metrics: [{ type: "Resource", resource: { name: "cpu", target: { averageUtilization: 80 } } }],
      },
      status: {
        currentReplicas: 10,
        desiredReplicas: 10,
        conditions: [condition("ScalingLimited", "True")],
        currentMetrics: [
          { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 95, averageValue: "950m" } } },
        ],
      },
    },
  ],
  poddisruptionbudgets: [
    { metadata: meta("web"), status: { currentHealthy: 2, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 0 } },
  ],
  persistentvolumes: [
    {
      metadata: { name: "pv-1", creationTimestamp: AT, deletionTimestamp: AT },
      spec: {
        storageClassName: "fast",
        capacity: { storage: "10Gi" },
        claimRef: { name: "data", namespace: "shop" },
      },
      status: { phase: "Bound" },
    },
  ],
  persistentvolumeclaims: [
    {
      metadata: meta("data", { deletionTimestamp: AT }),
      spec: {
        storageClassName: "fast",
        volumeName: "pv-1",
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "10Gi" } },
      },
      status: { phase: "Bound", conditions: [condition("Resizing", "True")] },
    },
  ],
  storageclasses: [{ metadata: { name: "fast", creationTimestamp: AT }, provisioner: "ebs.csi.aws.com" } as AnyThing],
  resourcequotas: [
    { metadata: meta("team"), status: { hard: { "requests.cpu": "10" }, used: { "requests.cpu": "2500m" } } },
  ],
  limitranges: [{ metadata: meta("sizes"), spec: { limits: [{ type: "Container", max: { memory: "1Gi" } }] } }],
  configmaps: [{ metadata: meta("settings") }],
  secrets: [{ metadata: meta("passwords") }],
};
