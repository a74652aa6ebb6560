import type { RuleFinding } from "@storewatch/model/api";
import { useTranslation } from "react-i18next";
import { StateMark } from "../../design/state.tsx";

const STATE = { error: "crit", warning: "warn", info: "info" } as const;

/** What is wrong with a text: the line, what, why, what to do. A click goes to the line. */
export function Findings({
  findings,
  onGo,
}: {
  readonly findings: readonly RuleFinding[];
  readonly onGo?: (line: number) => void;
}) {
  const { t } = useTranslation();
  if (findings.length === 0) return null;
  return (
    <ul className="findings">
      {findings.map((finding, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the same finding may stand at several places.
        <li key={i}>
          <StateMark state={STATE[finding.severity]} />
          <div>
            {finding.file !== "" && <code>{finding.file}</code>}
            {onGo && finding.file === "" && (
              <button type="button" className="link-button" onClick={() => onGo(finding.line)}>
                {t("rules.line", { line: finding.line })}
              </button>
            )}{" "}
            {finding.message}
            {finding.why && <p className="muted">{finding.why}</p>}
            {finding.fix && <p className="muted">{finding.fix}</p>}
          </div>
        </li>
      ))}
    </ul>
  );
}
