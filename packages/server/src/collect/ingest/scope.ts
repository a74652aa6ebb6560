import { type Labels, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";

/**
 * The labels as the scope may write them: a scope of one tenant gives that tenant to series that name none. Undefined: the
 * series is another's. Asked before anything is added up, so that nobody adds to another's totals.
 */
export function labelsInScope(scope: TenantScope, labels: Labels): Labels | undefined {
  if (scope.kind === "all") return labels;
  const id = labels.get(TENANT_LABEL);
  if (id !== "") return scopeAllows(scope, id) ? labels : undefined;
  const [only, ...others] = scope.ids;
  return only === undefined || others.length > 0 ? undefined : labels.with(TENANT_LABEL, only);
}
