// kubernetes_sd_configs: keys and what must not stand together.
import { goQuote } from "../scrape/go-text.ts";
import { entry, flag, list, type Report, reporter, section, text, texts, url } from "./fields.ts";
import { checkHttp, type HttpFields, httpFields, isCustomised } from "./http-fields.ts";

const ROLES = ["pod", "service", "endpoints", "endpointslice", "node", "ingress"];
const role = text.refine((value) => !value || ROLES.includes(value), {
  error: (issue) => `unknown Kubernetes SD role ${goQuote(String(issue.input))}`,
});

/** Which objects may be narrowed for a role, in the peers' order. */
const SELECTORS: Readonly<Record<string, readonly string[]>> = {
  pod: ["pod", "node"],
  service: ["service"],
  endpointslice: ["pod", "service", "endpointslice"],
  endpoints: ["pod", "service", "endpoints"],
  node: ["node"],
  ingress: ["ingress"],
};

const fields = {
  api_server: url,
  role,
  kubeconfig_file: text,
  namespaces: section({ own_namespace: flag, names: texts }),
  selectors: list(entry({ role, label: text, field: text }, "empty or null selector")),
  attach_metadata: section({ node: flag, namespace: flag }),
  ...httpFields,
};

export const kubernetesSd = list(
  entry(fields, "empty or null section").superRefine((values, context) => {
    const report = reporter(context);
    checkHttp(values, report);
    checkServer(values, report);
    if (!values.role) report(`role missing (one of: ${ROLES.join(", ")})`);
    else checkSelectors(values.role, values.selectors ?? [], report);
  }),
);

interface ServerFields extends HttpFields {
  readonly api_server?: string;
  readonly kubeconfig_file?: string;
  readonly namespaces?: { readonly own_namespace?: boolean } | null;
}

function checkServer(values: ServerFields, report: Report): void {
  const { api_server: server, kubeconfig_file: file } = values;
  const ownNamespace = values.namespaces?.own_namespace === true;
  const custom = isCustomised(values);
  if (server && file) report("cannot use 'kubeconfig_file' and 'api_server' simultaneously", "kubeconfig_file");
  if (file && custom)
    report("cannot use a custom HTTP client configuration together with 'kubeconfig_file'", "kubeconfig_file");
  if (!server && !file && custom) {
    report("to use custom HTTP client configuration please provide the 'api_server' URL explicitly");
  }
  if (server && ownNamespace)
    report("cannot use 'api_server' and 'namespaces.own_namespace' simultaneously", "namespaces");
  if (file && ownNamespace) {
    report("cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously", "namespaces");
  }
}

interface Selector {
  readonly role?: string;
  readonly label?: string;
  readonly field?: string;
}

function checkSelectors(forRole: string, selectors: readonly Selector[], report: Report): void {
  const allowed = SELECTORS[forRole] ?? [];
  const seen = new Set<string>();
  for (const [i, selector] of selectors.entries()) {
    const own = selector.role ?? "";
    if (seen.has(own)) report(`duplicated selector role: ${own}`, "selectors", i);
    seen.add(own);
    if (!allowed.includes(own)) {
      report(`${forRole} role supports only ${allowed.join(", ")} selectors`, "selectors", i);
    }
    const field = selector.field ?? "";
    const bad = field.split(/(?<!\\),/).find((term) => term !== "" && !/[^=!]+(?:!=|==|=)/.test(term));
    if (bad !== undefined) report(`invalid selector: '${field}'; can't understand '${bad}'`, "selectors", i, "field");
  }
}
