// Discovery against a fake API server with watches; the objects have the shape that real clusters give.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { seededRandom } from "@storewatch/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../kernel/clock.ts";
import { createSafeHttp, type SafeHttp } from "../../../kernel/safe-http.ts";
import type { KubernetesAccess, KubernetesDiscoveryConfig, TargetGroup } from "../../prometheus-config.ts";
import type { Discovery } from "../interface.ts";
import { kubernetesDiscovery } from "./index.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { ENDPOINTS, INGRESS, NAMESPACE, NODE, POD, SERVICE, SLICE } from "./testing/objects.ts";

const PODS = "/api/v1/pods";

let api: FakeApi;
let http: SafeHttp;
let dir: string;
let running: Discovery[];
let problems: string[];

beforeEach(async () => {
  api = await FakeApi.start();
  http = createSafeHttp();
  dir = mkdtempSync(path.join(tmpdir(), "kube-"));
  writeFileSync(path.join(dir, "token"), "first-token\n");
  writeFileSync(path.join(dir, "namespace"), "shop\n");
  // Read and passed on; the fake server has no TLS.
  writeFileSync(path.join(dir, "ca.crt"), "");
  running = [];
  problems = [];
});

afterEach(async () => {
  for (const one of running) one.stop();
  await http.close();
  await api.stop();
  rmSync(dir, { recursive: true });
});

/** Lists as they come; the newest last. */
function discover(more: Partial<KubernetesDiscoveryConfig> = {}): TargetGroup[][] {
  const lists: TargetGroup[][] = [];
  const access: KubernetesAccess = { kind: "in-cluster", server: api.url, dir };
  const discovery = kubernetesDiscovery(
    {
      kind: "kubernetes",
      role: "pod",
      access,
      namespaces: [],
      ownNamespace: false,
      selectors: [],
      attachNode: false,
      attachNamespace: false,
      ...more,
    },
    {
      clock: systemClock,
      random: seededRandom(1),
      http: http.request,
      resolver: { resolve: () => Promise.resolve([]) },
      userAgent: "test",
      onProblem: (source, message) => problems.push(`${source}: ${message}`),
    },
  );
  running.push(discovery);
  discovery.start((groups) => lists.push([...groups]));
  return lists;
}

const addresses = (list: readonly TargetGroup[] | undefined) => (list ?? []).flatMap((group) => group.targets).sort();
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
const pod = (name: string, ip: string, namespace = "shop") => ({
  metadata: { name, namespace, uid: name },
  spec: { containers: [{ name: "app", ports: [{ containerPort: 8080 }] }] },
  status: { podIP: ip },
});

describe("list and watch", () => {
  test("a list in pages, then what is added, changed and removed", async () => {
    for (let i = 0; i < 7; i++) api.put(PODS, pod(`p${i}`, `10.0.0.${i}`));
    api.pageSize = 3;
    const lists = discover();
    await until(() => expect(lists.at(-1)).toHaveLength(7));
    expect(api.requests.filter(({ path: asked, query }) => asked === PODS && !query.has("watch"))).toHaveLength(3);
    await until(() => expect(api.openWatches).toBe(1));
    api.put(PODS, pod("new", "10.0.1.1"));
    api.put(PODS, pod("p0", "10.0.2.2"));
    api.remove(PODS, "shop/p1");
    await until(() => expect(addresses(lists.at(-1))).toContain("10.0.1.1:8080"));
    expect(addresses(lists.at(-1))).toContain("10.0.2.2:8080");
    expect(addresses(lists.at(-1))).not.toContain("10.0.0.1:8080");
    expect(problems).toEqual([]);
    // Targets of objects that did not change are the same groups.
    const before = lists[0].find(({ targets }) => targets[0] === "10.0.0.3:8080");
    expect(lists.at(-1)).toContain(before);
  });

  test("a watch that ends goes on from the last version, bookmarks included: nothing is listed again", async () => {
    api.put(PODS, pod("a", "10.0.0.1"));
    const lists = discover();
    await until(() => expect(api.openWatches).toBe(1));
    api.bookmark(PODS);
    await new Promise((resolve) => setTimeout(resolve, 50));
    api.endWatches();
    await until(() => expect(api.openWatches).toBe(1));
    const versions = api.requests
      .filter(({ query }) => query.has("watch"))
      .map(({ query }) => query.get("resourceVersion"));
    expect(Number(versions[1])).toBe(Number(versions[0]) + 1);
    expect(api.requests.filter(({ query }) => !query.has("watch"))).toHaveLength(1);
    api.put(PODS, pod("b", "10.0.0.2"));
    await until(() => expect(addresses(lists.at(-1))).toEqual(["10.0.0.1:8080", "10.0.0.2:8080"]));
  });

  test("a version that is no longer kept (410) means to list anew; what went meanwhile is gone", async () => {
    api.put(PODS, pod("a", "10.0.0.1"));
    api.put(PODS, pod("b", "10.0.0.2"));
    const lists = discover();
    await until(() => expect(addresses(lists.at(-1))).toHaveLength(2));
    await until(() => expect(api.openWatches).toBe(1));
    api.endWatches();
    api.remove(PODS, "shop/a");
    api.compact(PODS);
    await until(() => expect(addresses(lists.at(-1))).toEqual(["10.0.0.2:8080"]));
    expect(problems).toEqual([]);
  });

  test("a server that fails keeps the list; the reason is told, and the watch comes back", async () => {
    api.put(PODS, pod("a", "10.0.0.1"));
    const lists = discover();
    await until(() => expect(api.openWatches).toBe(1));
    api.intercept = () => 403;
    api.endWatches();
    await until(() =>
      expect(problems).toContain(`kubernetes pod: ${PODS}: the API server answered 403: refused with 403`),
    );
    expect(addresses(lists.at(-1))).toEqual(["10.0.0.1:8080"]);
    api.intercept = () => undefined;
    api.put(PODS, pod("b", "10.0.0.2"));
    await until(() => expect(addresses(lists.at(-1))).toEqual(["10.0.0.1:8080", "10.0.0.2:8080"]));
  });

  test("no list is said before all kinds that the role needs are there", async () => {
    api.put("/api/v1/endpoints", ENDPOINTS);
    api.put("/api/v1/services", SERVICE);
    api.put(PODS, POD);
    api.intercept = (asked) => (asked === PODS ? 500 : undefined);
    const lists = discover({ role: "endpoints" });
    await until(() => expect(problems.length).toBeGreaterThan(0));
    expect(lists).toEqual([]);
    api.intercept = () => undefined;
    await until(() => expect(lists.length).toBeGreaterThan(0));
    expect(lists[0].some(({ labels }) => labels.__meta_kubernetes_pod_name === "web-7d4b9c")).toBe(true);
  });

  test("namespaces, selectors and the token of the moment", async () => {
    api.put("/api/v1/namespaces/shop/pods", pod("a", "10.0.0.1"));
    api.put("/api/v1/namespaces/pay/pods", pod("a", "10.0.0.9", "pay"));
    const selectors = [{ role: "pod" as const, label: "app=web", field: "status.phase=Running" }];
    const lists = discover({ namespaces: ["pay"], ownNamespace: true, selectors });
    await until(() => expect(addresses(lists.at(-1))).toEqual(["10.0.0.1:8080", "10.0.0.9:8080"]));
    for (const { query, token } of api.requests) {
      expect([query.get("labelSelector"), query.get("fieldSelector")]).toEqual(["app=web", "status.phase=Running"]);
      expect(token).toBe("first-token");
    }
    writeFileSync(path.join(dir, "token"), "second-token\n");
    await until(() => expect(api.openWatches).toBe(2));
    api.endWatches();
    await until(() => expect(api.requests.at(-1)?.token).toBe("second-token"));
  });
});

describe("ways to the server", () => {
  const kubeconfig = (user: string) =>
    `apiVersion: v1\nkind: Config\ncurrent-context: main\ncontexts: [{ name: main, context: { cluster: c, user: u } }]\n` +
    `clusters: [{ name: c, cluster: { server: "${api.url}/" } }]\nusers: [{ name: u, user: ${user} }]\n`;
  const viaFile = (text: string) => {
    const file = path.join(dir, "config");
    writeFileSync(file, text);
    return { access: { kind: "kubeconfig" as const, file } };
  };

  test("a kubeconfig file with a token, or a token file beside it", async () => {
    api.put(PODS, pod("a", "10.0.0.1"));
    const lists = discover(viaFile(kubeconfig("{ token: from-config }")));
    await until(() => expect(lists.at(-1)).toHaveLength(1));
    expect(api.requests[0].token).toBe("from-config");
    const again = discover(viaFile(kubeconfig("{ tokenFile: token }")));
    await until(() => expect(again.at(-1)).toHaveLength(1));
    expect(api.requests.at(-1)?.token).toBe("first-token");
  });

  test.each([
    ["users with exec", "{ exec: { command: aws } }", "users with exec or auth-provider cannot be used"],
    ["a file that is none", "[", "kubernetes pod: "],
  ])("%s are refused with the reason", async (_, user, reason) => {
    discover(viaFile(kubeconfig(user)));
    await until(() => expect(problems[0]).toContain(reason));
  });

  test("outside of a cluster it says so", async () => {
    discover({ access: { kind: "in-cluster", server: undefined, dir } });
    await until(() => expect(problems[0]).toContain("KUBERNETES_SERVICE_HOST is not set"));
  });
});

describe("meta labels", () => {
  const one = async (lists: TargetGroup[][], address: string) => {
    await until(() => expect(addresses(lists.at(-1))).toContain(address));
    return lists.at(-1)!.find(({ targets }) => targets[0] === address)!.labels;
  };
  const POD_LABELS = {
    __meta_kubernetes_pod_name: "web-7d4b9c",
    __meta_kubernetes_pod_ip: "10.244.1.7",
    __meta_kubernetes_pod_ready: "true",
    __meta_kubernetes_pod_phase: "Running",
    __meta_kubernetes_pod_node_name: "node-1",
    __meta_kubernetes_pod_host_ip: "192.168.1.10",
    __meta_kubernetes_pod_uid: "0a1b2c",
    __meta_kubernetes_pod_controller_kind: "ReplicaSet",
    __meta_kubernetes_pod_controller_name: "web-7d4b",
    __meta_kubernetes_pod_label_app_kubernetes_io_name: "web",
    __meta_kubernetes_pod_labelpresent_app_kubernetes_io_name: "true",
    __meta_kubernetes_pod_annotation_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_annotationpresent_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_annotation_prometheus_io_port: "9102",
    __meta_kubernetes_pod_annotationpresent_prometheus_io_port: "true",
  };
  const CONTAINER_LABELS = {
    __meta_kubernetes_pod_container_name: "app",
    __meta_kubernetes_pod_container_image: "registry/web:1.2",
    __meta_kubernetes_pod_container_id: "containerd://abc",
    __meta_kubernetes_pod_container_port_name: "http",
    __meta_kubernetes_pod_container_port_number: "8080",
    __meta_kubernetes_pod_container_port_protocol: "TCP",
  };
  const NODE_LABELS = {
    __meta_kubernetes_node_name: "node-1",
    __meta_kubernetes_node_label_topology_kubernetes_io_zone: "eu-1a",
    __meta_kubernetes_node_labelpresent_topology_kubernetes_io_zone: "true",
  };
  const SERVICE_LABELS = {
    __meta_kubernetes_namespace: "shop",
    __meta_kubernetes_service_name: "web",
    __meta_kubernetes_service_label_team: "front",
    __meta_kubernetes_service_labelpresent_team: "true",
    __meta_kubernetes_service_annotation_owner: "ann@example.com",
    __meta_kubernetes_service_annotationpresent_owner: "true",
  };

  test("pod, with its node and namespace attached; init containers and containers without ports", async () => {
    api.put(PODS, POD);
    api.put("/api/v1/nodes", NODE);
    api.put("/api/v1/namespaces", NAMESPACE);
    const lists = discover({ role: "pod", attachNode: true, attachNamespace: true });
    expect(await one(lists, "10.244.1.7:8080")).toEqual({
      __meta_kubernetes_namespace: "shop",
      __meta_kubernetes_namespace_label_tier: "gold",
      __meta_kubernetes_namespace_labelpresent_tier: "true",
      ...POD_LABELS,
      ...CONTAINER_LABELS,
      ...NODE_LABELS,
      __meta_kubernetes_pod_container_init: "false",
    });
    expect(addresses(lists.at(-1))).toEqual(["10.244.1.7", "10.244.1.7:8080", "10.244.1.7:9102"]);
    expect((await one(lists, "10.244.1.7")).__meta_kubernetes_pod_container_init).toBe("true");
  });

  test("node: the kubelet by its best address", async () => {
    api.put("/api/v1/nodes", NODE);
    expect(await one(discover({ role: "node" }), "192.168.1.10:10250")).toEqual({
      instance: "node-1",
      ...NODE_LABELS,
      __meta_kubernetes_node_provider_id: "aws:///eu-1a/i-1",
      __meta_kubernetes_node_annotation_note: "x",
      __meta_kubernetes_node_annotationpresent_note: "true",
      __meta_kubernetes_node_address_ExternalIP: "203.0.113.7",
      __meta_kubernetes_node_address_InternalIP: "192.168.1.10",
      __meta_kubernetes_node_address_Hostname: "node-1",
    });
  });

  test("service: each port by its name in the cluster", async () => {
    api.put("/api/v1/services", SERVICE);
    expect(await one(discover({ role: "service" }), "web.shop.svc:80")).toEqual({
      ...SERVICE_LABELS,
      __meta_kubernetes_service_type: "ClusterIP",
      __meta_kubernetes_service_cluster_ip: "10.96.0.5",
      __meta_kubernetes_service_port_name: "http",
      __meta_kubernetes_service_port_number: "80",
      __meta_kubernetes_service_port_protocol: "TCP",
    });
  });

  test("endpoints: the address, its service, its pod, and the pod's other ports", async () => {
    api.put("/api/v1/endpoints", ENDPOINTS);
    api.put("/api/v1/services", SERVICE);
    api.put(PODS, POD);
    const lists = discover({ role: "endpoints" });
    const shared = {
      ...SERVICE_LABELS,
      __meta_kubernetes_endpoints_name: "web",
      __meta_kubernetes_endpoints_label_team: "front",
      __meta_kubernetes_endpoints_labelpresent_team: "true",
    };
    expect(await one(lists, "10.244.1.7:8080")).toEqual({
      ...shared,
      ...POD_LABELS,
      ...CONTAINER_LABELS,
      __meta_kubernetes_endpoint_port_name: "http",
      __meta_kubernetes_endpoint_port_protocol: "TCP",
      __meta_kubernetes_endpoint_ready: "true",
      __meta_kubernetes_endpoint_node_name: "node-1",
      __meta_kubernetes_endpoint_address_target_kind: "Pod",
      __meta_kubernetes_endpoint_address_target_name: "web-7d4b9c",
    });
    expect(addresses(lists.at(-1))).toEqual(["10.244.1.7:8080", "10.244.1.7:9102", "10.244.9.9:8080"]);
    expect(await one(lists, "10.244.1.7:9102")).toMatchObject({ ...shared, ...POD_LABELS });
    expect((await one(lists, "10.244.9.9:8080")).__meta_kubernetes_endpoint_ready).toBe("false");
  });

  test("endpointslice: conditions, zone, app protocol", async () => {
    api.put("/apis/discovery.k8s.io/v1/endpointslices", SLICE);
    api.put("/api/v1/services", SERVICE);
    api.put(PODS, POD);
    api.put("/api/v1/nodes", NODE);
    const lists = discover({ role: "endpointslice", attachNode: true });
    expect(await one(lists, "10.244.1.7:8080")).toEqual({
      ...SERVICE_LABELS,
      ...POD_LABELS,
      ...CONTAINER_LABELS,
      ...NODE_LABELS,
      __meta_kubernetes_endpointslice_name: "web-x1",
      __meta_kubernetes_endpointslice_address_type: "IPv4",
      __meta_kubernetes_endpointslice_label_kubernetes_io_service_name: "web",
      __meta_kubernetes_endpointslice_labelpresent_kubernetes_io_service_name: "true",
      __meta_kubernetes_endpointslice_port: "8080",
      __meta_kubernetes_endpointslice_port_name: "http",
      __meta_kubernetes_endpointslice_port_protocol: "TCP",
      __meta_kubernetes_endpointslice_port_app_protocol: "http",
      __meta_kubernetes_endpointslice_endpoint_conditions_ready: "true",
      __meta_kubernetes_endpointslice_endpoint_conditions_serving: "true",
      __meta_kubernetes_endpointslice_endpoint_conditions_terminating: "false",
      __meta_kubernetes_endpointslice_endpoint_node_name: "node-1",
      __meta_kubernetes_endpointslice_endpoint_zone: "eu-1a",
      __meta_kubernetes_endpointslice_address_target_kind: "Pod",
      __meta_kubernetes_endpointslice_address_target_name: "web-7d4b9c",
    });
  });

  test("ingress: each path, with the scheme that its host is served by", async () => {
    api.put("/apis/networking.k8s.io/v1/ingresses", INGRESS);
    const lists = discover({ role: "ingress" });
    const labels = await one(lists, "acme.shop.example");
    expect(labels).toEqual({
      __meta_kubernetes_namespace: "shop",
      __meta_kubernetes_ingress_name: "front",
      __meta_kubernetes_ingress_class_name: "nginx",
      __meta_kubernetes_ingress_scheme: "https",
      __meta_kubernetes_ingress_host: "acme.shop.example",
      __meta_kubernetes_ingress_path: "/",
    });
    const plain = lists.at(-1)!.filter(({ targets }) => targets[0] === "plain.example");
    expect(plain.map((group) => group.labels.__meta_kubernetes_ingress_path)).toEqual(["/a", "/b"]);
    expect(plain[0].labels.__meta_kubernetes_ingress_scheme).toBe("http");
  });
});
