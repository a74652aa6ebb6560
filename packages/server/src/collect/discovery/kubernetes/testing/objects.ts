// Objects in the shape that a cluster gives, cut to what tells something.
import type { EndpointSlice, Endpoints, Ingress, KubeObject, Node, Pod, Service } from "../objects.ts";

export const NAMESPACE: KubeObject = { metadata: { name: "shop", labels: { tier: "gold" } } };

export const NODE: Node = {
  metadata: { name: "node-1", labels: { "topology.kubernetes.io/zone": "eu-1a" }, annotations: { note: "x" } },
  spec: { providerID: "aws:///eu-1a/i-1" },
  status: {
    addresses: [
      { type: "ExternalIP", address: "203.0.113.7" },
      { type: "InternalIP", address: "192.168.1.10" },
      { type: "InternalIP", address: "192.168.1.11" },
      { type: "Hostname", address: "node-1" },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
  },
};

export const POD: Pod = {
  metadata: {
    name: "web-7d4b9c",
    namespace: "shop",
    uid: "0a1b2c",
    labels: { "app.kubernetes.io/name": "web" },
    annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "9102" },
    ownerReferences: [{ kind: "ReplicaSet", name: "web-7d4b", controller: true }],
  },
  spec: {
    nodeName: "node-1",
    containers: [
      { name: "app", image: "registry/web:1.2", ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }] },
      { name: "exporter", image: "registry/exp:1", ports: [{ name: "metrics", containerPort: 9102, protocol: "TCP" }] },
    ],
    initContainers: [{ name: "migrate", image: "registry/web:1.2" }],
  },
  status: {
    phase: "Running",
    podIP: "10.244.1.7",
    hostIP: "192.168.1.10",
    conditions: [
      { type: "Initialized", status: "True" },
      { type: "Ready", status: "True" },
    ],
    containerStatuses: [{ name: "app", containerID: "containerd://abc" }],
  },
};

export const SERVICE: Service = {
  metadata: {
    name: "web",
    namespace: "shop",
    labels: { team: "front" },
    annotations: { owner: "ann@example.com" },
  },
  spec: { type: "ClusterIP", clusterIP: "10.96.0.5", ports: [{ name: "http", port: 80, protocol: "TCP" }] },
};

const POD_REFERENCE = { kind: "Pod", namespace: "shop", name: "web-7d4b9c" };

export const ENDPOINTS: Endpoints = {
  metadata: { name: "web", namespace: "shop", labels: { team: "front" } },
  subsets: [
    {
      addresses: [{ ip: "10.244.1.7", nodeName: "node-1", targetRef: POD_REFERENCE }],
      notReadyAddresses: [{ ip: "10.244.9.9" }],
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    },
  ],
};

export const SLICE: EndpointSlice = {
  metadata: { name: "web-x1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  endpoints: [
    {
      addresses: ["10.244.1.7"],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: "node-1",
      zone: "eu-1a",
      targetRef: POD_REFERENCE,
    },
  ],
  ports: [{ name: "http", port: 8080, protocol: "TCP", appProtocol: "http" }],
};

export const INGRESS: Ingress = {
  metadata: { name: "front", namespace: "shop" },
  spec: {
    ingressClassName: "nginx",
    tls: [{ hosts: ["*.shop.example"] }],
    rules: [
      { host: "acme.shop.example", http: { paths: [{ path: "/" }] } },
      { host: "plain.example", http: { paths: [{ path: "/a" }, { path: "/b" }] } },
    ],
  },
};
