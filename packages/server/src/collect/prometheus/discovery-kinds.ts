// Every way in which a Prometheus file can say where targets come from, with its keys and its checks. Static lists and
// files work; the others are read and checked, so that a mistake in them is told, and refused when it comes to starting.
import type { z } from "zod";
import { goQuote } from "../scrape/go-text.ts";
import {
  count,
  decimal,
  duration,
  entry,
  flag,
  integer,
  list,
  type Report,
  reporter,
  secret,
  section,
  text,
  textMap,
  texts,
  url,
  urlHost,
  urlScheme,
} from "./fields.ts";
import { checkHttp, type HttpFields, httpFields, tlsFields } from "./http-fields.ts";
import { kubernetesSd } from "./kubernetes-sd.ts";
import type { Secret } from "./secret.ts";

type Shape = Readonly<Record<string, z.ZodType>>;
type Values<S extends Shape> = z.output<z.ZodObject<S, z.core.$strict>>;
type Check<S extends Shape> = (values: Values<S>, report: Report) => void;

const NULL = "empty or null section";

/** A kind that has its own keys only. */
function plain<const S extends Shape>(shape: S, check: Check<S> = () => {}) {
  return list(entry(shape, NULL).superRefine((values, context) => check(values as Values<S>, reporter(context))));
}

/** A kind whose requests can be tuned: the keys of an HTTP client stand beside its own. */
function overHttp<const S extends Shape>(shape: S, check: Check<S> = () => {}) {
  return list(
    entry({ ...shape, ...httpFields }, NULL).superRefine((values, context) => {
      check(values as unknown as Values<S>, reporter(context));
      checkHttp(values as unknown as HttpFields, reporter(context));
    }),
  );
}

/** Complains about a text that is given as empty, or not given at all. */
function required(value: string | undefined, message: string, report: Report): void {
  if (!value) report(message);
}

const role = (kind: string, roles: readonly string[]) =>
  text.refine((value) => !value || roles.includes(value), {
    error: (issue) => `unknown ${kind}role ${goQuote(String(issue.input))}`,
  });

function httpUrl(value: string | undefined, report: Report): void {
  if (!value) {
    report("URL is missing");
    return;
  }
  if (urlScheme(value) !== "http" && urlScheme(value) !== "https")
    report("URL scheme must be 'http' or 'https'", "url");
  if (urlHost(value) === "") report("host is missing in URL", "url");
}

const isSet = (value: string | Secret | null | undefined): boolean =>
  value != null && (typeof value === "string" ? value : value.reveal()) !== "";

function secretKey(values: { secret_key?: Secret; secret_key_file?: string }, report: Report): void {
  const given = [values.secret_key, values.secret_key_file].filter(isSet).length;
  if (given === 0) report("one of secret_key & secret_key_file must be configured");
  if (given === 2) report("at most one of secret_key & secret_key_file must be configured");
}

const filters = list(entry({ name: text, values: texts }, "empty or null filter"));

const AZURE_METHODS = ["OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"];
const azure = overHttp(
  {
    environment: text,
    port: integer,
    subscription_id: text,
    tenant_id: text,
    client_id: text,
    client_secret: secret,
    refresh_interval: duration,
    authentication_method: text,
    resource_group: text,
  },
  (c, report) => {
    const needs = (value: string | Secret | undefined, name: string) => {
      if (!isSet(value)) report(`azure SD configuration requires a ${name}`, name);
    };
    const method = c.authentication_method || "OAuth";
    needs(c.subscription_id, "subscription_id");
    if (method === "OAuth") {
      needs(c.tenant_id, "tenant_id");
      needs(c.client_id, "client_id");
      needs(c.client_secret, "client_secret");
    }
    if (AZURE_METHODS.includes(method)) return;
    const [a, b, c3, d] = AZURE_METHODS.map((name) => goQuote(name));
    report(
      `unknown authentication_type ${goQuote(method)}. Supported types are ${a}, ${b}, ${c3} or ${d}`,
      "authentication_method",
    );
  },
);

const consul = overHttp(
  {
    server: text,
    path_prefix: text,
    token: secret,
    datacenter: text,
    namespace: text,
    partition: text,
    tag_separator: text,
    scheme: text,
    username: text,
    password: secret,
    allow_stale: flag,
    refresh_interval: duration,
    services: texts,
    tags: texts,
    node_meta: textMap,
    filter: text,
    health_filter: text,
  },
  (c, report) => {
    if (c.server === "") report("consul SD configuration requires a server address", "server");
    const http = c as unknown as HttpFields;
    if ((isSet(c.username) || isSet(c.password)) && http.basic_auth) {
      report(
        "at most one of consul SD configuration username and password and basic auth can be configured",
        "username",
      );
    }
    if (isSet(c.token) && (http.authorization || http.oauth2)) {
      report("at most one of consul SD token, authorization, or oauth2 can be configured", "token");
    }
  },
);

const DNS_TYPES = ["SRV", "A", "AAAA", "MX", "NS"];
const dns = plain({ names: texts, refresh_interval: duration, type: text, port: integer }, (c, report) => {
  if ((c.names ?? []).length === 0) report("DNS-SD config must contain at least one SRV record name");
  const type = (c.type || "SRV").toUpperCase();
  if (!DNS_TYPES.includes(type)) report(`invalid DNS-SD records type ${c.type}`, "type");
  else if (type !== "SRV" && !c.port) report("a port is required in DNS-SD configs for all record types except SRV");
});

const dockerHost = (c: { host?: string }, report: Report) => {
  if (c.host !== undefined && c.host === "") report("host missing", "host");
};
const docker = overHttp(
  {
    host: url,
    port: integer,
    filters,
    host_networking_host: text,
    refresh_interval: duration,
    match_first_network: flag,
  },
  dockerHost,
);
const SWARM_ROLES = ["services", "nodes", "tasks"];
const dockerSwarm = overHttp(
  { host: url, filters, role: text, port: integer, refresh_interval: duration },
  (c, report) => {
    required(c.host, "host missing", report);
    if (!c.role) report("role missing (one of: tasks, services, nodes)");
    else if (!SWARM_ROLES.includes(c.role))
      report(`invalid role ${c.role}, expected tasks, services, or nodes`, "role");
  },
);

const awsCommon = {
  endpoint: text,
  region: text,
  access_key: text,
  secret_key: secret,
  profile: text,
  role_arn: text,
  external_id: text,
  refresh_interval: duration,
  port: integer,
};
const awsFilters = (c: { filters?: ReadonlyArray<{ values?: readonly string[] | null }> | null }, report: Report) => {
  for (const [i, filter] of (c.filters ?? []).entries()) {
    if ((filter.values ?? []).length === 0) report("EC2 SD configuration filter values cannot be empty", "filters", i);
  }
};
const AWS_ROLES = ["ec2", "ecs", "lightsail", "msk", "elasticache", "rds", "mq"];
const aws = overHttp(
  { ...awsCommon, role: role("AWS SD ", AWS_ROLES), filters, clusters: texts, request_concurrency: integer },
  (c, report) => {
    if (!c.role) report('unknown AWS SD role ""');
    awsFilters(c, report);
  },
);

const eureka = overHttp({ server: url, refresh_interval: duration }, (c, report) => {
  if (!c.server) report("eureka_sd: empty or null eureka server");
  else if (urlScheme(c.server) === "" || urlHost(c.server) === "")
    report("eureka_sd: invalid eureka server URL", "server");
});

const FILE_PATTERN = /^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$/;
export const fileSd = plain({ files: texts, refresh_interval: duration }, (c, report) => {
  if ((c.files ?? []).length === 0) report("file service discovery config must contain at least one path name");
  for (const [i, name] of (c.files ?? []).entries()) {
    if (!FILE_PATTERN.test(name)) report(`path name ${goQuote(name)} is not valid for file discovery`, "files", i);
  }
});

const gce = plain(
  { project: text, zone: text, filter: text, refresh_interval: duration, port: integer, tag_separator: text },
  (c, report) => {
    required(c.project, "GCE SD configuration requires a project", report);
    required(c.zone, "GCE SD configuration requires a zone", report);
  },
);

const hetzner = overHttp(
  { role: role("", ["hcloud", "robot"]), port: integer, label_selector: text, refresh_interval: duration },
  (c, report) => required(c.role, "role missing (one of: robot, hcloud)", report),
);

const http = overHttp({ url, refresh_interval: duration }, (c, report) => httpUrl(c.url, report));

const ionos = overHttp({ datacenter_id: text, refresh_interval: duration, port: integer }, (c, report) =>
  required(c.datacenter_id, "datacenter id can't be empty", report),
);

const kuma = overHttp(
  { server: url, client_id: text, refresh_interval: duration, fetch_timeout: duration },
  (c, report) => required(c.server, `kuma SD server must not be empty: ${c.server ?? ""}`, report),
);

const marathon = overHttp(
  { servers: texts, refresh_interval: duration, auth_token: secret, auth_token_file: text },
  (c, report) => {
    if ((c.servers ?? []).length === 0) report("marathon_sd: must contain at least one Marathon server");
    const token = isSet(c.auth_token) || isSet(c.auth_token_file);
    if (isSet(c.auth_token) && isSet(c.auth_token_file)) {
      report("marathon_sd: at most one of auth_token & auth_token_file must be configured", "auth_token_file");
    }
    if (!token) return;
    const request = c as unknown as HttpFields;
    if (request.basic_auth) {
      report("marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured", "basic_auth");
    }
    if (isSet(request.bearer_token) || isSet(request.bearer_token_file)) {
      const message =
        "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & auth_token_file must be configured";
      report(message, isSet(request.bearer_token) ? "bearer_token" : "bearer_token_file");
    }
    if (request.authorization) {
      report(
        "marathon_sd: at most one of auth_token, auth_token_file & authorization must be configured",
        "authorization",
      );
    }
  },
);

const zookeeper = (name: string) =>
  plain({ servers: texts, paths: texts, timeout: duration }, (c, report) => {
    if ((c.servers ?? []).length === 0) report(`${name} SD config must contain at least one Zookeeper server`);
    if ((c.paths ?? []).length === 0) report(`${name} SD config must contain at least one path`);
    for (const [i, path] of (c.paths ?? []).entries()) {
      if (!path.startsWith("/")) report(`${name} SD config paths must begin with '/': ${path}`, "paths", i);
    }
  });

const nomad = overHttp(
  { allow_stale: flag, namespace: text, refresh_interval: duration, region: text, server: text, tag_separator: text },
  (c, report) => {
    if ((c.server ?? "").trim() === "") report("nomad SD configuration requires a server address");
  },
);

const oci = plain(
  {
    auth: text,
    tenancy: text,
    user: text,
    fingerprint: text,
    key_file: text,
    key_passphrase: secret,
    region: text,
    compartments: texts,
    filter: text,
    tag_filter_key: text,
    tag_filter_value: text,
    tag_filter_action: text,
    rate_limit_rps: decimal,
    port: integer,
    refresh_interval: duration,
  },
  (c, report) => {
    required(c.region, "OCI SD configuration requires a region", report);
    const auth = c.auth ?? "api_key";
    const own = { tenancy: c.tenancy, user: c.user, fingerprint: c.fingerprint, key_file: c.key_file };
    if (auth === "api_key") {
      for (const [name, value] of Object.entries(own)) if (!value) report(`OCI SD api_key auth requires ${name}`);
    } else if (auth !== "instance_principal") {
      report(`OCI SD unknown auth method ${goQuote(auth)}, expected "api_key" or "instance_principal"`, "auth");
    } else if (Object.values(own).some(Boolean)) {
      report("OCI SD instance_principal auth must not have tenancy, user, fingerprint, or key_file set", "auth");
    }
    for (const [i, id] of (c.compartments ?? []).entries()) {
      if (id === "") report(`OCI SD compartments[${i}] must not be empty`, "compartments", i);
    }
    if (c.tag_filter_key && !c.tag_filter_value) report("OCI SD tag_filter_key requires tag_filter_value");
    if (c.rate_limit_rps !== undefined && c.rate_limit_rps <= 0) report("OCI SD rate_limit_rps must be positive");
  },
);

const OPENSTACK_ROLES = ["hypervisor", "instance", "loadbalancer"];
const openstack = plain(
  {
    identity_endpoint: text,
    username: text,
    userid: text,
    password: secret,
    project_name: text,
    project_id: text,
    domain_name: text,
    domain_id: text,
    application_credential_name: text,
    application_credential_id: text,
    application_credential_secret: secret,
    role: role("OpenStack SD ", OPENSTACK_ROLES),
    region: text,
    refresh_interval: duration,
    port: integer,
    all_tenants: flag,
    availability: text,
    tls_config: section(tlsFields),
  },
  (c, report) => {
    if (c.availability !== undefined && !["public", "internal", "admin"].includes(c.availability)) {
      report(`unknown availability ${c.availability}, must be one of admin, internal or public`, "availability");
    }
    required(c.role, "role missing (one of: instance, hypervisor, loadbalancer)", report);
    required(c.region, "openstack SD configuration requires a region", report);
  },
);

const outscale = overHttp(
  {
    endpoint: text,
    region: text,
    access_key: text,
    secret_key: secret,
    secret_key_file: text,
    refresh_interval: duration,
    port: integer,
  },
  (c, report) => {
    required(c.region, "outscale SD configuration requires a region", report);
    required(c.access_key, "outscale SD configuration requires access_key", report);
    secretKey(c, report);
  },
);

const ovhcloud = plain(
  {
    endpoint: text,
    application_key: text,
    application_secret: secret,
    consumer_key: secret,
    refresh_interval: duration,
    service: text,
  },
  (c, report) => {
    if (c.endpoint === "") report("endpoint can not be empty");
    required(c.application_key, "application key can not be empty", report);
    if (!isSet(c.application_secret)) report("application secret can not be empty");
    if (!isSet(c.consumer_key)) report("consumer key can not be empty");
    if (c.service !== "dedicated_server" && c.service !== "vps")
      report(`unknown service: ${c.service ?? ""}`, "service");
  },
);

const puppetdb = overHttp(
  { url, query: text, include_parameters: flag, port: integer, refresh_interval: duration },
  (c, report) => {
    httpUrl(c.url, report);
    required(c.query, "query missing", report);
  },
);

const scaleway = overHttp(
  {
    project_id: text,
    access_key: text,
    secret_key: secret,
    secret_key_file: text,
    api_url: text,
    zone: text,
    role: role("", ["instance", "baremetal"]),
    name_filter: text,
    tags_filter: texts,
    port: integer,
    refresh_interval: duration,
  },
  (c, report) => {
    required(c.role, "role missing (one of: instance, baremetal)", report);
    required(c.project_id, "project_id is mandatory", report);
    required(c.access_key, "access_key is mandatory", report);
    secretKey(c, report);
  },
);

const stackit = overHttp(
  {
    project: text,
    refresh_interval: duration,
    port: integer,
    role: text,
    region: text,
    endpoint: text,
    service_account_key: secret,
    private_key: secret,
    service_account_key_path: text,
    private_key_path: text,
    credentials_file_path: text,
  },
  (c, report) => {
    if (c.endpoint && (urlScheme(c.endpoint) === "" || urlHost(c.endpoint) === "")) {
      report(`invalid endpoint ${goQuote(c.endpoint)}`, "endpoint");
    }
    if (c.endpoint === "" && c.region === "") report("stackit_sd: endpoint and region missing");
  },
);

const triton = plain(
  {
    account: text,
    role: text,
    dns_suffix: text,
    endpoint: text,
    groups: texts,
    port: integer,
    refresh_interval: duration,
    tls_config: section(tlsFields),
    version: count,
  },
  (c, report) => {
    if (c.role !== undefined && c.role !== "container" && c.role !== "cn") {
      report("triton SD configuration requires role to be 'container' or 'cn'", "role");
    }
    required(c.account, "triton SD configuration requires an account", report);
    required(c.dns_suffix, "triton SD configuration requires a dns_suffix", report);
    required(c.endpoint, "triton SD configuration requires an endpoint", report);
    if (c.refresh_interval === 0) report("triton SD configuration requires RefreshInterval to be a positive integer");
  },
);

const uyuni = overHttp(
  { server: url, username: text, password: secret, entitlement: text, separator: text, refresh_interval: duration },
  (c, report) => {
    required(c.server, "Uyuni SD configuration requires server host", report);
    required(c.username, "Uyuni SD configuration requires a username", report);
    if (!isSet(c.password)) report("Uyuni SD configuration requires a password");
  },
);

export const staticConfigs = list(entry({ targets: texts, labels: textMap }, NULL));

/** Kinds that Storewatch reads and checks but does not ask yet, by key. */
export const foreignDiscovery = {
  aws_sd_configs: aws,
  azure_sd_configs: azure,
  consul_sd_configs: consul,
  digitalocean_sd_configs: overHttp({ port: integer, refresh_interval: duration, role: text }),
  dns_sd_configs: dns,
  docker_sd_configs: docker,
  dockerswarm_sd_configs: dockerSwarm,
  ec2_sd_configs: overHttp({ ...awsCommon, filters }, awsFilters),
  eureka_sd_configs: eureka,
  gce_sd_configs: gce,
  hetzner_sd_configs: hetzner,
  http_sd_configs: http,
  ionos_sd_configs: ionos,
  kubernetes_sd_configs: kubernetesSd,
  kuma_sd_configs: kuma,
  lightsail_sd_configs: overHttp(awsCommon),
  linode_sd_configs: overHttp({ refresh_interval: duration, port: integer, tag_separator: text, region: text }),
  marathon_sd_configs: marathon,
  nerve_sd_configs: zookeeper("nerve"),
  nomad_sd_configs: nomad,
  oci_sd_configs: oci,
  openstack_sd_configs: openstack,
  outscale_sd_configs: outscale,
  ovhcloud_sd_configs: ovhcloud,
  puppetdb_sd_configs: puppetdb,
  scaleway_sd_configs: scaleway,
  serverset_sd_configs: zookeeper("serverset"),
  stackit_sd_configs: stackit,
  triton_sd_configs: triton,
  uyuni_sd_configs: uyuni,
  vultr_sd_configs: overHttp({ port: integer, refresh_interval: duration }),
};
