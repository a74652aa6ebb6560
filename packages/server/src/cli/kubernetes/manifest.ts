// Kubernetes objects for a service on the SDK. Pure: the same options give the same objects.
// The types are those of the Kubernetes API, so that a field that it does not know does not compile.
import type { Deployment } from "kubernetes-types/apps/v1.js";
import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2.js";
import type { Container, EnvVar, PodSpec, Probe, Service } from "kubernetes-types/core/v1.js";
import type { ObjectMeta } from "kubernetes-types/meta/v1.js";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.js";

export interface ManifestOptions {
  readonly service: string;
  readonly image: string;
  readonly namespace?: string;
  readonly port: number;
  /** May be `port`. */
  readonly metricsPort: number;
  readonly replicas: number;
  /** With it, the number follows the load. */
  readonly maxReplicas?: number;
  readonly memoryMiB: number;
  /** A quantity, such as 100m. */
  readonly cpu: string;
  /** How long a start may take. */
  readonly startupSeconds: number;
  /** The SDK's `shutdown` options, and how many steps the service adds. */
  readonly shutdown: {
    readonly noticeSeconds: number;
    readonly drainSeconds: number;
    readonly stepSeconds: number;
    readonly steps: number;
  };
  readonly scrape: "annotations" | "podmonitor" | "none";
  /** Of the Secret with metrics-token, database-url and redis-url. */
  readonly secret: string;
  readonly database: boolean;
  readonly redis: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Folders that the service writes to; everything else is read-only. */
  readonly writable: readonly string[];
  readonly args: readonly string[];
}

/** Of the Prometheus operator; not part of the Kubernetes API. */
interface PodMonitor {
  readonly apiVersion: "monitoring.coreos.com/v1";
  readonly kind: "PodMonitor";
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podMetricsEndpoints: readonly object[];
  };
}

export type ManifestObject = Deployment | Service | PodDisruptionBudget | HorizontalPodAutoscaler | PodMonitor;

/** The user `node` of Node's images. */
const USER_ID = 1000;
const PROBE_SECONDS = 10;
const STARTUP_DELAY_SECONDS = 10;
/** Between the end of the shutdown and the kill. */
const SPARE_SECONDS = 5;
/** The rest is for buffers, native code and what the cgroup counts besides. */
const HEAP_SHARE = 0.75;

export function kubernetesManifest(options: ManifestOptions): ManifestObject[] {
  const objects: ManifestObject[] = [deployment(options), service(options), disruptionBudget(options)];
  if (options.maxReplicas !== undefined) objects.push(autoscaler(options, options.maxReplicas));
  if (options.scrape === "podmonitor") objects.push(podMonitor(options));
  return objects;
}

/** Seconds from SIGTERM to the kill: longer than the SDK's shutdown at its slowest. */
export function graceSeconds({ noticeSeconds, drainSeconds, stepSeconds, steps }: ManifestOptions["shutdown"]): number {
  return noticeSeconds + drainSeconds + stepSeconds * steps + SPARE_SECONDS;
}

function metadata({ service: name, namespace }: ManifestOptions): ObjectMeta {
  return { name, ...(namespace && { namespace }), labels: { "app.kubernetes.io/name": name } };
}

function selected({ service: name }: ManifestOptions): Record<string, string> {
  return { "app.kubernetes.io/name": name };
}

function deployment(options: ManifestOptions): Deployment {
  const { replicas, maxReplicas, scrape, metricsPort } = options;
  const annotations = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": String(metricsPort),
    "prometheus.io/path": "/metrics",
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(options),
    spec: {
      // With an autoscaler the number is its own: an apply would set it back.
      ...(maxReplicas === undefined && { replicas }),
      revisionHistoryLimit: 5,
      selector: { matchLabels: selected(options) },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: selected(options), ...(scrape === "annotations" && { annotations }) },
        spec: pod(options),
      },
    },
  };
}

function pod(options: ManifestOptions): PodSpec {
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: graceSeconds(options.shutdown),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER_ID,
      runAsGroup: USER_ID,
      fsGroup: USER_ID,
      seccompProfile: { type: "RuntimeDefault" },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: selected(options) },
      },
    ],
    containers: [container(options)],
    volumes: options.writable.map((_, i) => ({ name: `writable-${i}`, emptyDir: {} })),
  };
}

function container(options: ManifestOptions): Container {
  const { service: name, image, port, metricsPort, memoryMiB, cpu, args, writable } = options;
  const metrics = metricsPort === port ? [] : [{ name: "metrics", containerPort: metricsPort }];
  return {
    name,
    image,
    ...(args.length > 0 && { args: [...args] }),
    ports: [{ name: "http", containerPort: port }, ...metrics],
    env: environment(options),
    ...probes(options),
    // No limit of the CPU: throttling shows as slow requests while the machine idles.
    resources: { requests: { cpu, memory: `${memoryMiB}Mi` }, limits: { memory: `${memoryMiB}Mi` } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: writable.map((mountPath, i) => ({ name: `writable-${i}`, mountPath })),
  };
}

function environment({ env, secret, database, redis, memoryMiB }: ManifestOptions): EnvVar[] {
  const fromSecret = (name: string, key: string): EnvVar => ({
    name,
    valueFrom: { secretKeyRef: { name: secret, key } },
  });
  const plain = { NODE_ENV: "production", NODE_OPTIONS: `--max-old-space-size=${heapMiB(memoryMiB)}`, ...env };
  return [
    ...Object.entries(plain).map(([name, value]) => ({ name, value })),
    fromSecret("METRICS_TOKEN", "metrics-token"),
    ...(database ? [fromSecret("DATABASE_URL", "database-url")] : []),
    ...(redis ? [fromSecret("REDIS_URL", "redis-url")] : []),
  ];
}

function heapMiB(memoryMiB: number): number {
  return Math.floor(memoryMiB * HEAP_SHARE);
}

/** Periods, time limits and thresholds of the strategy document. */
function probes({ startupSeconds }: ManifestOptions): Pick<Container, `${"liveness" | "readiness" | "startup"}Probe`> {
  const at = (path: string): Pick<Probe, "httpGet"> => ({ httpGet: { path, port: "http" } });
  return {
    livenessProbe: {
      ...at("/health/live"),
      initialDelaySeconds: 30,
      periodSeconds: PROBE_SECONDS,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
    readinessProbe: {
      ...at("/health/ready"),
      initialDelaySeconds: 5,
      periodSeconds: 5,
      timeoutSeconds: 3,
      failureThreshold: 3,
    },
    startupProbe: {
      ...at("/health/startup"),
      initialDelaySeconds: STARTUP_DELAY_SECONDS,
      periodSeconds: PROBE_SECONDS,
      timeoutSeconds: 5,
      failureThreshold: Math.max(1, Math.ceil(startupSeconds / PROBE_SECONDS)),
    },
  };
}

function service(options: ManifestOptions): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(options),
    // The metrics port is not in it: each pod is scraped on its own.
    spec: { selector: selected(options), ports: [{ name: "http", port: 80, targetPort: "http" }] },
  };
}

function disruptionBudget(options: ManifestOptions): PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(options),
    spec: { maxUnavailable: 1, selector: { matchLabels: selected(options) } },
  };
}

function autoscaler(options: ManifestOptions, maxReplicas: number): HorizontalPodAutoscaler {
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: metadata(options),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: options.service },
      minReplicas: options.replicas,
      maxReplicas,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
      ],
    },
  };
}

function podMonitor(options: ManifestOptions): PodMonitor {
  const port = options.metricsPort === options.port ? "http" : "metrics";
  const credentials = { name: options.secret, key: "metrics-token" };
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: metadata(options),
    spec: {
      selector: { matchLabels: selected(options) },
      podMetricsEndpoints: [{ port, path: "/metrics", authorization: { type: "Bearer", credentials } }],
    },
  };
}
