// Against a fake API server with watches; the objects have the shape that clusters give.
import { readFileSync } from "node:fs";
import path from "node:path";
import { seededRandom } from "@storewatch/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { FakeApi } from "../../collect/discovery/kubernetes/testing/fake-api.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLogger } from "../../kernel/logger.ts";
import { Agent } from "../agent.ts";
import { loadAgentConfig } from "../config.ts";
import { type ParsedPage, parsePage } from "../testing/page-of.ts";
import { makeTree, type Tree } from "../testing/tree.ts";
import { parseQuantity } from "./quantity.ts";
import { RESOURCES, type ResourceName } from "./resources.ts";
import { OBJECTS, PODS_IN_OTHER_STATES, podOf } from "./testing/objects.ts";

let api: FakeApi;
let tree: Tree;
let agents: Agent[];

beforeEach(async () => {
  api = await FakeApi.start();
  // The fake server has no TLS; the files are read all the same.
  tree = makeTree({ "account/token": "first-token\n", "account/ca.crt": "" });
  agents = [];
});

afterEach(async () => {
  for (const agent of agents) await agent.close();
  await api.stop();
  tree.remove(".");
});

const pathOf = (name: ResourceName) => `${RESOURCES[name].base}/${name}`;

function fill(): void {
  for (const [name, objects] of Object.entries(OBJECTS)) {
    for (const object of objects) api.put(pathOf(name as ResourceName), object);
  }
}

function makeAgent(more: Readonly<Record<string, unknown>> = {}): Agent {
  const section = { api_server: api.url, service_account: "account", ...more };
  tree.write({ "agent.yml": stringify({ kubernetes: section }) });
  const config = loadAgentConfig({
    file: "agent.yml",
    flags: { collectors: "kubernetes" },
    workingDir: tree.dir,
    environment: {},
  });
  const agent = new Agent({ config, version: "1", clock: systemClock, logger: silentLogger });
  agents.push(agent);
  return agent;
}

async function pageOf(agent: Agent): Promise<ParsedPage> {
  return parsePage((await agent.page()) ?? "");
}

/** The series of a family that the page has, without the labels that only name the object. */
function seriesOf(page: ParsedPage, family: string): Record<string, number> {
  return Object.fromEntries(
    [...page.series].flatMap(([series, value]) => {
      const [name, labels = "}"] = series.split(/\{(.*)/s);
      return name === family ? [[labels.slice(0, -1), value] as const] : [];
    }),
  );
}

describe("each kind of objects", () => {
  test("a pod: phase, readiness, owner, containers and what they ask for", async () => {
    fill();
    const page = await pageOf(makeAgent({ resources: ["pods"], labels: { pods: ["app.kubernetes.io/name"] } }));
    const pod = 'namespace="shop",pod="web-7d4b9c"';
    expect(seriesOf(page, "kube_pod_info")).toEqual({
      [`created_by_kind="ReplicaSet",created_by_name="web-7d4b",host_ip="192.168.1.10",host_network="false",${pod.replace(",", ',node="node-1",')},pod_ip="10.244.1.7",priority_class="",uid="0a1b2c"`]: 1,
    });
    const uid = `${pod},uid="0a1b2c"`;
    expect(seriesOf(page, "kube_pod_status_phase")).toEqual({
      'namespace="shop",phase="Pending",pod="web-7d4b9c",uid="0a1b2c"': 0,
      'namespace="shop",phase="Succeeded",pod="web-7d4b9c",uid="0a1b2c"': 0,
      'namespace="shop",phase="Failed",pod="web-7d4b9c",uid="0a1b2c"': 0,
      'namespace="shop",phase="Unknown",pod="web-7d4b9c",uid="0a1b2c"': 0,
      'namespace="shop",phase="Running",pod="web-7d4b9c",uid="0a1b2c"': 1,
    });
    expect(seriesOf(page, "kube_pod_status_ready")).toEqual({
      [`condition="true",${uid}`]: 0,
      [`condition="false",${uid}`]: 1,
      [`condition="unknown",${uid}`]: 0,
    });
    const app = `container="app",namespace="shop",node="node-1",pod="web-7d4b9c"`;
    expect(seriesOf(page, "kube_pod_container_resource_requests")).toEqual({
      [`${app},resource="cpu",uid="0a1b2c",unit="core"`]: 0.1,
      [`${app},resource="memory",uid="0a1b2c",unit="byte"`]: 256 * 2 ** 20,
      [`${app},resource="nvidia_com_gpu",uid="0a1b2c",unit="integer"`]: 1,
    });
    expect(seriesOf(page, "kube_pod_container_status_restarts_total")).toEqual({
      [`container="app",${uid}`]: 7,
      [`container="proxy",${uid}`]: 0,
    });
    expect(page.types.get("kube_pod_container_status_restarts_total")).toBe("counter");
    expect(seriesOf(page, "kube_pod_container_status_waiting_reason")).toEqual({
      'container="app",namespace="shop",pod="web-7d4b9c",reason="CrashLoopBackOff",uid="0a1b2c"': 1,
    });
    expect(seriesOf(page, "kube_pod_container_status_last_terminated_reason")).toEqual({
      'container="app",namespace="shop",pod="web-7d4b9c",reason="OOMKilled",uid="0a1b2c"': 1,
    });
    expect(seriesOf(page, "kube_pod_container_status_last_terminated_exitcode")).toEqual({
      [`container="app",${uid}`]: 137,
    });
    expect(seriesOf(page, "kube_pod_init_container_status_terminated")).toEqual({ [`container="migrate",${uid}`]: 1 });
    expect(seriesOf(page, "kube_pod_owner")).toEqual({
      [`namespace="shop",owner_is_controller="true",owner_kind="ReplicaSet",owner_name="web-7d4b",${'pod="web-7d4b9c",uid="0a1b2c"'}`]: 1,
    });
    expect(seriesOf(page, "kube_pod_labels")).toEqual({ [`label_app_kubernetes_io_name="web",${uid}`]: 1 });
    expect(seriesOf(page, "kube_pod_start_time")).toEqual({ [uid]: 1_790_000_000 });
  });

  test("the names of kube-state-metrics 1 when asked for", async () => {
    fill();
    const page = await pageOf(makeAgent({ resources: ["pods"], v1_names: true }));
    const app = 'container="app",namespace="shop",node="node-1",pod="web-7d4b9c",uid="0a1b2c"';
    expect(seriesOf(page, "kube_pod_container_resource_requests_cpu_cores")).toEqual({ [app]: 0.1 });
    expect(seriesOf(page, "kube_pod_container_resource_limits_memory_bytes")).toEqual({ [app]: 512 * 2 ** 20 });
  });

  test("a node: role, taint, condition, what it has and what is left for pods", async () => {
    fill();
    const page = await pageOf(makeAgent({ resources: ["nodes"] }));
    expect(seriesOf(page, "kube_node_role")).toEqual({ 'node="node-1",role="control-plane"': 1 });
    expect(seriesOf(page, "kube_node_spec_unschedulable")).toEqual({ 'node="node-1"': 1 });
    expect(seriesOf(page, "kube_node_spec_taint")).toEqual({
      'effect="NoSchedule",key="dedicated",node="node-1",value="db"': 1,
    });
    expect(seriesOf(page, "kube_node_status_condition")).toEqual({
      'condition="Ready",node="node-1",status="true"': 0,
      'condition="Ready",node="node-1",status="false"': 0,
      'condition="Ready",node="node-1",status="unknown"': 1,
    });
    expect(seriesOf(page, "kube_node_status_allocatable")).toEqual({
      'node="node-1",resource="cpu",unit="core"': 3.92,
      'node="node-1",resource="memory",unit="byte"': 16_000_000 * 1024,
      'node="node-1",resource="hugepages_2Mi",unit="byte"': 0,
      'node="node-1",resource="pods",unit="integer"': 110,
    });
  });

  test("workloads: wanted, there, updated", async () => {
    fill();
    const page = await pageOf(makeAgent({ resources: ["deployments", "statefulsets", "daemonsets", "replicasets"] }));
    const web = 'deployment="web",namespace="shop"';
    expect(seriesOf(page, "kube_deployment_spec_replicas")).toEqual({ [web]: 3 });
    expect(seriesOf(page, "kube_deployment_status_replicas_available")).toEqual({ [web]: 2 });
    expect(seriesOf(page, "kube_deployment_status_observed_generation")).toEqual({ [web]: 4 });
    expect(seriesOf(page, "kube_deployment_metadata_generation")).toEqual({ [web]: 5 });
    expect(seriesOf(page, "kube_deployment_spec_strategy_rollingupdate_max_surge")).toEqual({ [web]: 1 });
    expect(seriesOf(page, "kube_deployment_spec_strategy_rollingupdate_max_unavailable")).toEqual({ [web]: 0 });
    expect(seriesOf(page, "kube_deployment_status_condition")).toMatchObject({
      'condition="Progressing",deployment="web",namespace="shop",status="false"': 1,
    });
    expect(seriesOf(page, "kube_statefulset_status_update_revision")).toEqual({
      'namespace="shop",revision="db-2",statefulset="db"': 1,
    });
    expect(seriesOf(page, "kube_statefulset_status_replicas_ready")).toEqual({
      'namespace="shop",statefulset="db"': 0,
    });
    expect(seriesOf(page, "kube_daemonset_status_number_misscheduled")).toEqual({
      'daemonset="logs",namespace="shop"': 1,
    });
    expect(seriesOf(page, "kube_replicaset_owner")).toEqual({
      'namespace="shop",owner_is_controller="true",owner_kind="Deployment",owner_name="web",replicaset="web-7d4b"': 1,
    });
  });

  test("jobs: a failed one says why, a cron job when it ran", async () => {
    fill();
    const page = await pageOf(makeAgent({ resources: ["jobs", "cronjobs"] }));
    expect(seriesOf(page, "kube_job_status_failed")).toEqual({
      'job_name="backup-1",namespace="shop",reason="BackoffLimitExceeded"': 1,
      'job_name="backup-1",namespace="shop",reason="DeadlineExceeded"': 0,
      'job_name="backup-1",namespace="shop",reason="Evicted"': 0,
      'job_name="backup-2",namespace="shop"': 0,
    });
    expect(seriesOf(page, "kube_job_failed")).toMatchObject({
      'condition="true",job_name="backup-1",namespace="shop"': 1,
    });
    expect(seriesOf(page, "kube_cronjob_status_active")).toEqual({ 'cronjob="backup",namespace="shop"': 1 });
    expect(seriesOf(page, "kube_cronjob_status_last_schedule_time")).toEqual({
      'cronjob="backup",namespace="shop"': 1_790_000_000,
    });
  });

  test("network, storage, scaling, quotas", async () => {
    fill();
    const page = await pageOf(makeAgent());
    expect(seriesOf(page, "kube_service_spec_type")).toEqual({
      'namespace="shop",service="web",type="LoadBalancer",uid="s-1"': 1,
    });
    expect(seriesOf(page, "kube_endpoint_address")).toEqual({
      'endpoint="web",ip="10.244.1.7",namespace="shop",port_name="http",port_number="8080",port_protocol="TCP",ready="true"': 1,
      'endpoint="web",ip="10.244.9.9",namespace="shop",port_name="http",port_number="8080",port_protocol="TCP",ready="false"': 1,
    });
    expect(Object.keys(seriesOf(page, "kube_endpointslice_endpoints"))[0]).toContain('address="10.244.1.7"');
    expect(seriesOf(page, "kube_ingress_path")).toEqual({
      'host="acme.shop.example",ingress="front",namespace="shop",path="/",path_type="Prefix",service_name="web",service_port="80"': 1,
    });
    expect(seriesOf(page, "kube_persistentvolume_status_phase")).toMatchObject({
      'persistentvolume="pv-1",phase="Bound"': 1,
      'persistentvolume="pv-1",phase="Failed"': 0,
    });
    expect(seriesOf(page, "kube_persistentvolumeclaim_resource_requests_storage_bytes")).toEqual({
      'namespace="shop",persistentvolumeclaim="data"': 10 * 2 ** 30,
    });
    expect(seriesOf(page, "kube_horizontalpodautoscaler_spec_max_replicas")).toEqual({
      'horizontalpodautoscaler="web",namespace="shop"': 10,
    });
    expect(seriesOf(page, "kube_horizontalpodautoscaler_status_condition")).toMatchObject({
      'condition="ScalingLimited",horizontalpodautoscaler="web",namespace="shop",status="true"': 1,
    });
    expect(seriesOf(page, "kube_poddisruptionbudget_status_desired_healthy")).toEqual({
      'namespace="shop",poddisruptionbudget="web"': 2,
    });
    expect(seriesOf(page, "kube_resourcequota")).toEqual({
      'namespace="shop",resource="requests.cpu",resourcequota="team",type="hard"': 10,
      'namespace="shop",resource="requests.cpu",resourcequota="team",type="used"': 2.5,
    });
    expect(seriesOf(page, "kube_limitrange")).toEqual({
      'constraint="max",limitrange="sizes",namespace="shop",resource="memory",type="Container"': 2 ** 30,
    });
    expect(seriesOf(page, "kube_namespace_status_phase")).toMatchObject({ 'namespace="shop",phase="Active"': 1 });
  });

  test("every family of every kind has a series from the objects of this test", async () => {
    fill();
    for (const pod of PODS_IN_OTHER_STATES) api.put(pathOf("pods"), pod);
    const page = await pageOf(makeAgent({ labels: { pods: ["*"] } }));
    const told = new Set([...page.series.keys()].map((series) => series.split("{")[0]));
    const silent = Object.values(RESOURCES).flatMap(({ families }) =>
      families.map(({ name }) => name).filter((name) => !told.has(name)),
    );
    expect(silent).toEqual([]);
  });
});

describe("watching", () => {
  const ready = 'kube_pod_status_ready{condition="true",namespace="shop",pod="p1",uid="u1"}';

  test("the page follows what the watch tells, also after the server forgot old versions", async () => {
    api.put(pathOf("pods"), podOf(1));
    const agent = makeAgent({ resources: ["pods"] });
    expect((await pageOf(agent)).series.get(ready)).toBe(1);
    await vi.waitFor(() => expect(api.openWatches).toBe(1));

    api.put(pathOf("pods"), podOf(1, { isReady: false }));
    await vi.waitFor(async () => expect((await pageOf(agent)).series.get(ready)).toBe(0));
    api.remove(pathOf("pods"), "shop/p1");
    await vi.waitFor(async () => expect((await pageOf(agent)).series.has(ready)).toBe(false));

    api.compact(pathOf("pods"));
    api.put(pathOf("pods"), podOf(1));
    await vi.waitFor(async () => expect((await pageOf(agent)).series.get(ready)).toBe(1), { timeout: 5000 });
    expect(api.requests[0].token).toBe("first-token");
  });

  test("a kind that may not be read does not take the others with it, and is counted", async () => {
    fill();
    api.intercept = (path) => (path.endsWith("/secrets") ? 403 : undefined);
    const page = await pageOf(makeAgent({ resources: ["pods", "secrets"] }));
    expect(Object.keys(seriesOf(page, "kube_pod_info"))).toHaveLength(1);
    expect(seriesOf(page, "kube_secret_info")).toEqual({});
    expect(seriesOf(page, "kube_state_metrics_list_total")).toMatchObject({
      'resource="*v1.secrets",result="error"': 1,
      'resource="*v1.pods",result="success"': 1,
    });
  });

  test("the collector fails when nothing may be read", async () => {
    api.intercept = () => 403;
    const page = await pageOf(makeAgent({ resources: ["pods"] }));
    expect(page.series.get('node_scrape_collector_success{collector="kubernetes"}')).toBe(0);
  });

  test("namespaces and the node narrow what is asked for", async () => {
    await pageOf(makeAgent({ resources: ["pods", "nodes"], namespaces: ["shop", "web"], pods_of_node: "node-7" }));
    const lists = api.requests.filter(({ query }) => query.get("watch") === null);
    expect(lists.map(({ path, query }) => `${path} ${query.get("fieldSelector")}`).sort()).toEqual([
      "/api/v1/namespaces/shop/pods spec.nodeName=node-7",
      "/api/v1/namespaces/web/pods spec.nodeName=node-7",
      "/api/v1/nodes null",
    ]);
  });

  test("objects beyond max_objects are left out and counted", async () => {
    for (let i = 1; i <= 5; i++) api.put(pathOf("pods"), podOf(i));
    const page = await pageOf(makeAgent({ resources: ["pods"], max_objects: 3 }));
    expect(Object.keys(seriesOf(page, "kube_pod_info"))).toHaveLength(3);
    expect(page.series.get('storewatch_agent_kubernetes_objects_left_out{resource="pods"}')).toBe(2);
  });

  test("an object of another form is left out, its neighbours stay", async () => {
    api.put(pathOf("pods"), { ...podOf(1), spec: { containers: 7 } } as never);
    api.put(pathOf("pods"), podOf(2));
    const page = await pageOf(makeAgent({ resources: ["pods"] }));
    expect(Object.keys(seriesOf(page, "kube_pod_info"))).toHaveLength(1);
  });

  test("what an object names twice is there once", async () => {
    const node = OBJECTS.nodes[0] as { readonly status: { readonly conditions: readonly unknown[] } };
    const conditions = [...node.status.conditions, ...node.status.conditions];
    api.put(pathOf("nodes"), { ...OBJECTS.nodes[0], status: { ...node.status, conditions } } as never);
    const text = (await makeAgent({ resources: ["nodes"] }).page()) ?? "";
    expect(text.match(/^kube_node_status_condition\{.*status="unknown"/gm)).toHaveLength(1);
  });
});

test("the manifests of the guide: the agent takes their configuration, the role has each kind and no more", () => {
  const guide = readFileSync(path.resolve(import.meta.dirname, "../../../../../docs/agent-kubernetes.md"), "utf8");
  const manifests = /```yaml\n(apiVersion: v1\n[\s\S]*?)```/.exec(guide)?.[1] ?? "";
  const objects = parseAllDocuments(manifests).map((document) => document.toJS());
  const { rules } = objects.find(({ kind }) => kind === "ClusterRole");
  const allowed = rules.flatMap(({ apiGroups: [group], resources }: { apiGroups: string[]; resources: string[] }) =>
    resources.map((name) => `${group} ${name}`),
  );
  const groupOf = (base: string) => /^\/apis\/(.+)\/[^/]+$/.exec(base)?.[1] ?? "";
  expect(allowed.sort()).toEqual(
    Object.entries(RESOURCES)
      .map(([name, { base }]) => `${groupOf(base)} ${name}`)
      .sort(),
  );
  const { data } = objects.find(({ kind }) => kind === "ConfigMap");
  tree.write(data);
  const environment = { AGENT_TOKEN: "t", NODE_NAME: "node-1" };
  const load = (file: string) => loadAgentConfig({ file, workingDir: tree.dir, environment });
  expect(load("objects.yml").sections.kubernetes?.labels.namespaces).toEqual(["*"]);
  expect(load("node.yml").sections.containers?.kubernetes?.node).toBe("node-1");
});

test("quantities as Kubernetes writes them", () => {
  const f = (text: string | number | undefined, expected: number | undefined) =>
    expect(parseQuantity(text)).toBe(expected);
  f("100m", 0.1);
  f("1.5", 1.5);
  f("2Gi", 2 * 2 ** 30);
  f("129M", 129e6);
  f("123e6", 123e6);
  f("1500000n", 0.0015);
  f("0.5Ki", 512);
  f(3, 3);
  f("-1", -1);
  f("2gb", undefined);
  f("", undefined);
  f("Mi", undefined);
  f(undefined, undefined);
});

test("10,000 pods: what a page costs when few of them change", { timeout: 120_000 }, async () => {
  api.pageSize = 500;
  const random = seededRandom(7);
  for (let i = 0; i < 10_000; i++) api.put(pathOf("pods"), podOf(i, { isReady: random() < 0.9 }));
  const agent = makeAgent({ resources: ["pods"] });
  const start = process.cpuUsage();
  const first = (await agent.page()) ?? "";
  const listMs = process.cpuUsage(start).user / 1000;
  await vi.waitFor(() => expect(api.openWatches).toBe(1));
  const later = process.cpuUsage();
  const second = (await agent.page()) ?? "";
  const pageMs = process.cpuUsage(later).user / 1000;
  expect(second.match(/^kube_pod_info\{/gm)).toHaveLength(10_000);
  expect(first.length).toBeGreaterThan(10_000 * 1000);
  // Lines are kept, not made anew: far cheaper than the list, whatever the machine.
  expect(pageMs).toBeLessThan(listMs / 3);
  console.log(
    `list ${listMs.toFixed(0)} ms, page ${pageMs.toFixed(0)} ms, ${(second.length / 2 ** 20).toFixed(1)} MiB`,
  );
});
