// The way to the API server: keys of a section of agent.yml, and the clients that they give.
import { z } from "zod";
import { apiServerOf } from "../../collect/discovery/kubernetes/access.ts";
import { KubernetesClient } from "../../collect/discovery/kubernetes/client.ts";
import { ConfiguredHttp } from "../../collect/http/configured-http.ts";
import { createSafeHttp } from "../../kernel/safe-http.ts";
import type { CollectorDeps } from "../interface.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Known in every cluster, and a name of the server's certificate. */
const IN_CLUSTER_SERVER = "https://kubernetes.default.svc";
const METADATA_ONLY =
  "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const USER_AGENT = "storewatch-agent";

export const connectionShape = {
  api_server: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(`URL of the API server; default \`${IN_CLUSTER_SERVER}\`, as seen from inside a cluster.`),
  service_account: z
    .string()
    .min(1)
    .default(SERVICE_ACCOUNT)
    .describe("Folder with `token` and `ca.crt` for the API server."),
  kubeconfig: z.string().min(1).optional().describe("A kubeconfig file in place of the two above."),
};

export interface ConnectionSection {
  readonly api_server?: string | undefined;
  readonly service_account: string;
  readonly kubeconfig?: string | undefined;
}

export interface KubernetesConnection {
  readonly client: KubernetesClient;
  /** Asks for names and labels alone: the content of the objects never comes to this machine. */
  readonly metadataClient: KubernetesClient;
  close(): Promise<void>;
}

/** Throws when a file is missing; nothing is asked of the server yet. */
export async function connectKubernetes(
  section: ConnectionSection,
  deps: CollectorDeps,
): Promise<KubernetesConnection> {
  const server = (section.api_server ?? IN_CLUSTER_SERVER).replace(/\/+$/, "");
  const { url, http: access } = await apiServerOf(
    section.kubeconfig === undefined
      ? { kind: "in-cluster", server, dir: deps.resolve(section.service_account) }
      : { kind: "kubeconfig", file: deps.resolve(section.kubeconfig) },
  );
  const http = createSafeHttp();
  const configured = new ConfiguredHttp(access, http.request, deps.clock);
  return {
    client: new KubernetesClient(url, configured, USER_AGENT),
    metadataClient: new KubernetesClient(url, configured, USER_AGENT, METADATA_ONLY),
    close: () => http.close(),
  };
}
