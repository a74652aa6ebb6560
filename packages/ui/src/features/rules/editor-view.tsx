import { Button, Select, Skeleton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { modals } from "@mantine/modals";
import type { RuleFinding } from "@storewatch/model/api";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useBlocker, useParams, useSearch } from "@tanstack/react-router";
import { Download, Save, Trash2 } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMayEditRules } from "../../app/rights.ts";
import { SectionTabs } from "../../app/section-tabs.tsx";
import { useTimeRange } from "../../app/url-state.ts";
import { Empty, Lines, Loaded, Panel, Problem } from "../../design/blocks.tsx";
import { span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { Conflict } from "./conflict.tsx";
import { Findings } from "./findings.tsx";
import { LastFiring, PreviewView } from "./preview-view.tsx";
import { NEW_GROUP, ruleAtLine, rulesInText, withGroupName } from "./rule-text.ts";
import { previewRule, readRuleGroup, refusedFindings } from "./rules-api.ts";
import { type Base, type RuleEditor, useRuleEditor } from "./use-rule-editor.ts";
import "./rules.css";

const YamlEditor = lazy(() => import("./yaml-editor.tsx"));

/** A stored group in the editor. */
export function EditRulesPage() {
  const { t } = useTranslation();
  const { group } = useParams({ from: "/rules/$group/edit" });
  // Read once: what others save meanwhile is found when saving, not put under the fingers.
  const query = useQuery({
    queryKey: ["rule-group", group],
    queryFn: () => readRuleGroup(group),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return (
    <div className="stack">
      <SectionTabs section="/alerts" />
      <Loaded query={query} skeleton={<Lines count={8} height={18} />}>
        {(stored) =>
          stored.origin === "stored" ? (
            <Editor key={group} base={stored} text={stored.yaml} />
          ) : (
            <Empty title={t("rules.isFile", { file: stored.file })} why={t("rules.isFileWhy")}>
              <Link to="/new-rules" search={(old) => ({ ...old, copy: group })}>
                {t("rules.copy")}
              </Link>
            </Empty>
          )
        }
      </Loaded>
    </div>
  );
}

/** A new group, from the start text or from a copy of another one. */
export function NewRulesPage() {
  const { copy } = useSearch({ from: "/new-rules" });
  const query = useQuery({
    queryKey: ["rule-group", "copy", copy],
    queryFn: () => (copy === undefined ? null : readRuleGroup(copy)),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div className="stack">
      <SectionTabs section="/alerts" />
      <Loaded query={query} skeleton={<Lines count={8} height={18} />}>
        {(copied) => (
          <Editor
            key={copy ?? ""}
            base={null}
            text={copied === null ? NEW_GROUP : withGroupName(copied.yaml, `${copied.name}-copy`)}
          />
        )}
      </Loaded>
    </div>
  );
}

function Editor({ base, text }: { readonly base: Base; readonly text: string }) {
  const { t } = useTranslation();
  const mayEdit = useMayEditRules();
  const editor = useRuleEditor(base, text);
  const [line, setLine] = useState(1);
  const [goTo, setGoTo] = useState<{ readonly line: number }>();
  const preview = usePreview(editor.text, line);
  const findings = editor.findings.length > 0 ? editor.findings : preview.findings;
  useLeaveGuard(editor.dirty && (editor.base !== null || editor.text !== text));
  return (
    <>
      <EditorHead editor={editor} mayEdit={mayEdit} />
      {editor.error !== undefined && <Problem title={t("rules.notSaved")} error={editor.error} />}
      {editor.conflict && <Conflict editor={editor} theirs={editor.conflict} />}
      <div className="rule-editor">
        <Panel flush>
          <Suspense fallback={<Skeleton height={360} m={12} />}>
            <YamlEditor
              value={editor.text}
              label={t("rules.editorLabel")}
              readOnly={!mayEdit}
              findings={findings}
              goTo={goTo}
              onChange={editor.setText}
              onLine={setLine}
              onSave={editor.save}
            />
          </Suspense>
          <Findings findings={findings} onGo={(to) => setGoTo({ line: to })} />
        </Panel>
        <LivePreview preview={preview} onPick={(to) => setGoTo({ line: to })} />
      </div>
    </>
  );
}

function EditorHead({ editor, mayEdit }: { readonly editor: RuleEditor; readonly mayEdit: boolean }) {
  const { t } = useTranslation();
  const { base, name } = editor;
  const renamed = base !== null && name !== undefined && name !== base.name;
  const ask = () =>
    modals.openConfirmModal({
      title: t("rules.deleteConfirm", { name: base?.name ?? "" }),
      children: <p className="muted">{t("rules.deleteWhy")}</p>,
      labels: { confirm: t("rules.delete"), cancel: t("common.cancel") },
      confirmProps: { color: "crit" },
      onConfirm: editor.remove,
    });
  return (
    <header className="spread">
      <div className="plain-head">
        <h1>{base === null ? t("rules.newTitle") : base.name}</h1>
        <p className="muted">
          {renamed ? t("rules.renamed", { name, old: base.name }) : t(editor.dirty ? "rules.unsaved" : "rules.inForce")}
        </p>
      </div>
      <div className="row">
        <Button variant="default" leftSection={<Download size={14} />} onClick={() => download(editor)}>
          {t("rules.download")}
        </Button>
        {mayEdit && base !== null && (
          <Button variant="default" leftSection={<Trash2 size={14} />} onClick={ask}>
            {t("rules.delete")}
          </Button>
        )}
        {mayEdit && (
          <Button
            leftSection={<Save size={14} />}
            onClick={editor.save}
            loading={editor.saving}
            disabled={!editor.dirty || name === undefined}
          >
            {t("common.save")}
          </Button>
        )}
      </div>
    </header>
  );
}

/** The text as a file that Prometheus takes. */
function download(editor: RuleEditor): void {
  const url = URL.createObjectURL(new Blob([editor.text], { type: "application/yaml" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${(editor.name ?? "rules").replace(/[^\w.-]+/g, "-")}.yml`;
  link.click();
  URL.revokeObjectURL(url);
}

/** Asks before text that is not saved is left. The time range may change: the page stays. */
function useLeaveGuard(dirty: boolean): void {
  const { t } = useTranslation();
  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      dirty && current.pathname !== next.pathname && !window.confirm(t("rules.leave")),
    enableBeforeUnload: () => dirty,
  });
}

/** ms of quiet before the preview asks again. */
const PAUSE_MS = 500;

function usePreview(text: string, line: number) {
  const range = useTimeRange();
  const rules = useMemo(() => rulesInText(text), [text]);
  const index = ruleAtLine(rules, line);
  const [settled] = useDebouncedValue(text, PAUSE_MS);
  const query = useQuery({
    queryKey: ["rule-preview", settled, index, range.key],
    queryFn: ({ signal }) => {
      const { toMs } = range.window();
      const rangeMs = Math.max(60_000, Math.round(range.rangeMs));
      return previewRule({ yaml: settled, rule: index, rangeMs, ...(range.live ? {} : { endMs: toMs }) }, signal);
    },
    placeholderData: keepPreviousData,
    gcTime: 10_000,
    retry: false,
  });
  const refused = refusedFindings(query.error);
  const findings: readonly RuleFinding[] = refused ?? query.data?.findings ?? NONE;
  return { rules, index, query, refused, findings };
}
const NONE: readonly RuleFinding[] = [];

function LivePreview({
  preview,
  onPick,
}: {
  readonly preview: ReturnType<typeof usePreview>;
  readonly onPick: (line: number) => void;
}) {
  const { t } = useTranslation();
  const range = useTimeRange();
  const { rules, index, query, refused } = preview;
  return (
    <Panel
      title={t("rules.preview", { span: span(range.rangeMs, currentLanguage()) })}
      aside={
        rules.length > 1 && (
          <Select
            size="xs"
            w={200}
            aria-label={t("rules.whichRule")}
            data={rules.map((rule) => ({ value: String(rule.index), label: rule.name }))}
            value={String(index)}
            allowDeselect={false}
            onChange={(value) => onPick(rules[Number(value)]?.line ?? 1)}
          />
        )
      }
    >
      {refused ? (
        <p className="muted">{t("rules.fixFirst")}</p>
      ) : query.isError ? (
        <Problem error={query.error} />
      ) : query.data ? (
        <div className={query.isPlaceholderData ? "rule-preview-old" : undefined}>
          <PreviewView preview={query.data} />
          {query.data.lastFiring && <LastFiring last={query.data.lastFiring} />}
        </div>
      ) : (
        <Lines count={6} />
      )}
    </Panel>
  );
}
