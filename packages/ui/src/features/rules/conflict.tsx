import { Button } from "@mantine/core";
import type { RuleGroupDetail } from "@storewatch/model/api";
import { useTranslation } from "react-i18next";
import { StateMark } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { aroundChanges, type DiffLine, diffLines } from "./line-diff.ts";
import type { RuleEditor } from "./use-rule-editor.ts";

const SIGN = { same: " ", theirs: "−", mine: "+" } as const;

/** Somebody else has saved meanwhile: what differs, and the two ways on. */
export function Conflict({ editor, theirs }: { readonly editor: RuleEditor; readonly theirs: RuleGroupDetail }) {
  const { t } = useTranslation();
  const lines = aroundChanges(diffLines(theirs.yaml, editor.text));
  const time = theirs.updatedAtMs === null ? "" : moment(theirs.updatedAtMs, Date.now(), currentLanguage());
  return (
    <div className="conflict" role="alert">
      <p className="row">
        <StateMark state="warn" />
        <strong>{t("rules.conflict", { name: theirs.name, time })}</strong>
      </p>
      <pre className="diff">
        {lines.map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity.
          <Line key={i} line={line} />
        ))}
      </pre>
      <div className="row">
        <Button variant="default" onClick={editor.takeTheirs}>
          {t("rules.takeTheirs")}
        </Button>
        <Button onClick={editor.keepMine} loading={editor.saving}>
          {t("rules.keepMine")}
        </Button>
        <span className="hint">{t("rules.diffHint")}</span>
      </div>
    </div>
  );
}

function Line({ line }: { readonly line: DiffLine | null }) {
  if (line === null) return <span className="diff-gap">…{"\n"}</span>;
  return (
    <span className={`diff-${line.kind}`}>
      {SIGN[line.kind]} {line.text}
      {"\n"}
    </span>
  );
}
