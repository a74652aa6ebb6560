// The printed objects: what Kubernetes asks of them (which its types cannot say), and the example's committed files.
// That fields exist and have the right type is checked by the compiler, against the types of the API's own OpenAPI text.
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Deployment } from "kubernetes-types/apps/v1.js";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { runCli } from "../program.ts";

const EXAMPLE = path.resolve(import.meta.dirname, "../../../../../examples/shop/kubernetes");

async function run(...args: string[]) {
  let out = "";
  let err = "";
  const command = ["manifest", "kubernetes", ...args];
  const code = await runCli(command, { out: (t) => (out += t), err: (t) => (err += t), workingDir: "." });
  return { code, out, err };
}
const NEEDED = ["--service", "shop", "--image", "registry.example/shop:1.4.0"];

interface Loose {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: what stands there is what is being tested
  readonly spec: any;
}

/** Read as kubectl reads it: YAML 1.1. */
async function objects(...args: string[]): Promise<Loose[]> {
  const { code, out, err } = await run(...NEEDED, ...args);
  expect([code, err]).toEqual([0, ""]);
  return parseAllDocuments(out, { version: "1.1" }).map((document) => document.toJS() as Loose);
}
const podOf = (all: readonly Loose[]) =>
  (all.find((one) => one.kind === "Deployment") as unknown as Deployment).spec!.template!.spec!;

describe("the objects", () => {
  test("the probes are the document's", async () => {
    const [container] = podOf(await objects()).containers;
    const probe = (where: string, delay: number, period: number, limit: number, failures: number) => ({
      httpGet: { path: where, port: "http" },
      initialDelaySeconds: delay,
      periodSeconds: period,
      timeoutSeconds: limit,
      failureThreshold: failures,
    });
    expect(container).toMatchObject({
      ports: [
        { name: "http", containerPort: 8080 },
        { name: "metrics", containerPort: 9464 },
      ],
      livenessProbe: probe("/health/live", 30, 10, 5, 3),
      readinessProbe: probe("/health/ready", 5, 5, 3, 3),
      startupProbe: probe("/health/startup", 10, 10, 5, 30),
    });
    const quick = podOf(await objects("--startup-seconds", "45")).containers[0];
    expect(quick.startupProbe?.failureThreshold).toBe(5);
  });

  test("the time to end is longer than the SDK's shutdown", async () => {
    expect(podOf(await objects()).terminationGracePeriodSeconds).toBe(5 + 20 + 3 * 5 + 5);
    const slow = await objects(
      "--notice-seconds",
      "10",
      "--drain-seconds",
      "60",
      "--steps",
      "5",
      "--step-seconds",
      "7",
    );
    expect(podOf(slow).terminationGracePeriodSeconds).toBe(10 + 60 + 35 + 5);
  });

  test("selectors find the pods, ports and volumes have the names that others use", async () => {
    const all = await objects(
      "--max-replicas",
      "6",
      "--scrape",
      "podmonitor",
      "--writable",
      "/data",
      "--namespace",
      "web",
    );
    expect(all.map((one) => one.kind)).toEqual([
      "Deployment",
      "Service",
      "PodDisruptionBudget",
      "HorizontalPodAutoscaler",
      "PodMonitor",
    ]);
    const [deployment, service, budget, autoscaler, monitor] = all.map((one) => one.spec);
    const labels = deployment.template.metadata.labels;
    for (const selector of [deployment.selector, budget.selector, monitor.selector])
      expect(labels).toMatchObject(selector.matchLabels);
    expect(labels).toMatchObject(service.selector);
    expect(all.map((one) => [one.metadata.name, one.metadata.namespace])).toEqual(all.map(() => ["shop", "web"]));
    const pod = podOf(all);
    const [container] = pod.containers;
    const ports = container.ports!.map((port) => port.name);
    expect(ports).toEqual(expect.arrayContaining([service.ports[0].targetPort, monitor.podMetricsEndpoints[0].port]));
    expect(container.volumeMounts!.map((mount) => mount.mountPath)).toEqual(["/tmp", "/data"]);
    expect(container.volumeMounts!.map((mount) => mount.name)).toEqual(pod.volumes!.map((volume) => volume.name));
    expect([deployment.replicas, autoscaler.minReplicas, autoscaler.maxReplicas]).toEqual([undefined, 2, 6]);
    expect(deployment.template.metadata.annotations).toBeUndefined();
  });

  test("no root, nothing to write to, memory with a limit and the heap below it", async () => {
    const pod = podOf(await objects("--memory", "2Gi"));
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    const [container] = pod.containers;
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
    expect(container.resources).toMatchObject({ limits: { memory: "2048Mi" }, requests: { memory: "2048Mi" } });
    expect(container.env).toContainEqual({ name: "NODE_OPTIONS", value: "--max-old-space-size=1536" });
  });

  test("secrets come from the Secret, and only those that are used", async () => {
    const keys = async (...args: string[]) =>
      podOf(await objects(...args)).containers[0].env!.flatMap(({ valueFrom }) => {
        const from = valueFrom?.secretKeyRef;
        return from ? [`${from.name}/${from.key}`] : [];
      });
    expect(await keys()).toEqual(["shop-secrets/metrics-token", "shop-secrets/database-url", "shop-secrets/redis-url"]);
    expect(await keys("--no-database", "--no-redis", "--secret", "own")).toEqual(["own/metrics-token"]);
  });

  test("metrics on the port of requests; words and numbers stay text for YAML 1.1", async () => {
    const env = ["--env", "SWITCH=on", "TIME=12:30:45", "NUMBER=012", "EMPTY=", "TEXT=a: b # c"];
    const all = await objects("--metrics-port", "8080", ...env, "--", "--host", "0.0.0.0", "yes");
    const [container] = podOf(all).containers;
    expect(container.ports).toEqual([{ name: "http", containerPort: 8080 }]);
    expect(container.args).toEqual(["--host", "0.0.0.0", "yes"]);
    expect(container.env!.slice(2, 7).map((one) => one.value)).toEqual(["on", "12:30:45", "012", "", "a: b # c"]);
    expect(all[0].spec.template.metadata.annotations).toEqual({
      "prometheus.io/scrape": "true",
      "prometheus.io/port": "8080",
      "prometheus.io/path": "/metrics",
    });
  });

  test("a folder is mounted once, however often and however it is written", async () => {
    const writable = ["/data", "/data/", "/tmp/", "/data//cache"].flatMap((dir) => ["--writable", dir]);
    const pod = podOf(await objects(...writable));
    const paths = pod.containers[0].volumeMounts?.map(({ mountPath }) => mountPath);
    expect(paths).toEqual(["/tmp", "/data", "/data/cache"]);
    expect(pod.volumes).toHaveLength(3);
  });

  test("the same options print the same text", async () => {
    expect((await run(...NEEDED)).out).toBe((await run(...NEEDED)).out);
  });

  test("what Kubernetes would refuse is refused, exit 2 and one line", async () => {
    for (const args of [
      ["--service", "Shop"],
      ["--service", "a".repeat(64)],
      ["--service", "shop-"],
      ["--service", "1shop"],
      ["--service", "shop\nkind: Secret"],
      ["--namespace", "a.b"],
      ["--image", "a b"],
      ["--port", "0"],
      ["--port", "99999"],
      ["--replicas", "0"],
      ["--max-replicas", "1"],
      ["--memory", "512"],
      ["--memory", "1Mi"],
      ["--cpu", "0"],
      ["--steps", "-1"],
      ["--scrape", "guess"],
      ["--env", "1A=b"],
      ["--env", "DATABASE_URL=postgres://root:root@db"],
      ["--writable", "data"],
      ["--writable", "/data/../etc"],
      ["--writable", "//"],
    ]) {
      const { code, out, err } = await run(...NEEDED, ...args);
      expect([code, out], args.join(" ")).toEqual([2, ""]);
      expect(err, args.join(" ")).toMatch(/^storewatch: [^\n]+\n$/);
    }
  });
});

describe("the example's files are what the command prints", () => {
  const shop = (name: string, more: readonly string[]) => [
    ...["--service", name, "--namespace", "shop", "--image", "registry.example/shop:1.0.0"],
    ...["--secret", "shop-secrets", "--writable", "/data", ...more],
    ...["--", "--host", "0.0.0.0", "--port", "8080", "--rate", "0", "--data", "/data"],
    // The bearer token is in METRICS_TOKEN. The notice is what readiness probes need to see it.
    ...["--metrics-port", "9464", "--shutdown-notice-ms", "5000"],
  ];
  test.each([
    ["shop.yaml", shop("shop", ["--max-replicas", "6"])],
    ["shop-canary.yaml", shop("shop-canary", ["--replicas", "1"])],
  ])("%s", async (file, args) => {
    const { out } = await run(...args);
    expect(readFileSync(path.join(EXAMPLE, file), "utf8")).toBe(out);
  });
});
