// Rule groups that people keep in Storewatch, and the preview of a rule.
import {
  type RuleFinding,
  type RuleGroupDetail,
  type RuleGroupList,
  type RulePreview,
  type RulePreviewRequest,
  ruleGroupListSchema,
  ruleGroupSchema,
  rulePreviewSchema,
  ruleRefusalSchema,
} from "@storewatch/model/api";
import { RequestError, request } from "../../api/http.ts";

const GROUPS = "/api/storewatch/v1/rule-groups";
const pathOf = (name: string): string => `${GROUPS}/${encodeURIComponent(name)}`;

export const EXPORT_URL = `${GROUPS}-export`;

export const readRuleGroups = async (): Promise<RuleGroupList> => ruleGroupListSchema.parse(await request(GROUPS));
export const readRuleGroup = async (name: string): Promise<RuleGroupDetail> =>
  ruleGroupSchema.parse(await request(pathOf(name)));

/** `version`: the one that was edited; null for a new group. */
export async function saveRuleGroup(name: string, yaml: string, version: string | null): Promise<RuleGroupDetail> {
  return ruleGroupSchema.parse(await request(pathOf(name), { method: "PUT", json: { yaml, version } }));
}

export async function deleteRuleGroup(name: string, version: string): Promise<void> {
  await request(`${pathOf(name)}?version=${encodeURIComponent(version)}`, { method: "DELETE" });
}

export async function previewRule(wanted: RulePreviewRequest, signal?: AbortSignal): Promise<RulePreview> {
  const answer = await request("/api/storewatch/v1/rule-preview", { method: "POST", json: wanted, signal });
  return rulePreviewSchema.parse(answer);
}

/** What is wrong with the text, when that is why it was refused. */
export function refusedFindings(error: unknown): readonly RuleFinding[] | undefined {
  if (!(error instanceof RequestError) || error.status !== 422) return undefined;
  const refusal = ruleRefusalSchema.safeParse(error.body);
  return refusal.success ? refusal.data.findings : undefined;
}

/** Somebody else has saved in between, or the name is taken. */
export const isConflict = (error: unknown): boolean => error instanceof RequestError && error.status === 412;
