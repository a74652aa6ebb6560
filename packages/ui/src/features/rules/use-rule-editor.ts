// The state of the rule editor: the text, what it was based on, and what saving it met.

import { notifications } from "@mantine/notifications";
import type { RuleFinding, RuleGroupDetail } from "@storewatch/model/api";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { groupNameIn } from "./rule-text.ts";
import { deleteRuleGroup, isConflict, readRuleGroup, refusedFindings, saveRuleGroup } from "./rules-api.ts";

/** What is stored, as far as the editor knows. null: a group that is not stored yet. */
export type Base = Pick<RuleGroupDetail, "name" | "version" | "yaml"> | null;

export interface RuleEditor {
  readonly text: string;
  setText(text: string): void;
  readonly base: Base;
  readonly dirty: boolean;
  /** The name in the text. */
  readonly name: string | undefined;
  save(): void;
  readonly saving: boolean;
  /** Other failures than findings and conflicts. */
  readonly error: unknown;
  readonly findings: readonly RuleFinding[];
  /** What somebody else saved meanwhile. */
  readonly conflict: RuleGroupDetail | undefined;
  takeTheirs(): void;
  keepMine(): void;
  remove(): void;
}

export function useRuleEditor(start: Base, startText: string): RuleEditor {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [base, setBase] = useState(start);
  const [text, setText] = useState(startText);
  const [conflict, setConflict] = useState<RuleGroupDetail>();
  const name = groupNameIn(text);
  const changed = () => void client.invalidateQueries({ queryKey: ["alerts"] });
  const save = useMutation({
    mutationFn: (version: string | null) => saveRuleGroup(name ?? "", text, version),
    onSuccess: (stored) => {
      notifications.show({ message: t("rules.saved", { name: stored.name }) });
      const isNew = stored.name !== base?.name;
      setBase(stored);
      setText(stored.yaml);
      setConflict(undefined);
      changed();
      if (isNew)
        void navigate({ to: "/rules/$group/edit", params: { group: stored.name }, replace: true, ignoreBlocker: true });
    },
    onError: async (error) => {
      if (isConflict(error)) setConflict(await readRuleGroup(name ?? "").catch(() => undefined));
    },
  });
  const removal = useMutation({
    mutationFn: () => deleteRuleGroup(base?.name ?? "", base?.version ?? ""),
    onSuccess: () => {
      notifications.show({ message: t("rules.deleted", { name: base?.name ?? "" }) });
      changed();
      void navigate({ to: "/rules", ignoreBlocker: true });
    },
  });
  // A changed name makes a new group: what is stored under the old one stays.
  const versionToReplace = base && base.name === name ? base.version : null;
  return {
    text,
    setText,
    base,
    dirty: base === null || text !== base.yaml,
    name,
    save: () => save.mutate(versionToReplace),
    saving: save.isPending,
    error: otherError(save.error) ?? removal.error ?? undefined,
    findings: refusedFindings(save.error) ?? [],
    conflict,
    takeTheirs: () => {
      if (!conflict) return;
      setBase(conflict);
      setText(conflict.yaml);
      setConflict(undefined);
      save.reset();
    },
    keepMine: () => {
      if (conflict) save.mutate(conflict.version);
    },
    remove: () => removal.mutate(),
  };
}

const otherError = (error: unknown): unknown =>
  error === null || isConflict(error) || refusedFindings(error) ? undefined : error;
