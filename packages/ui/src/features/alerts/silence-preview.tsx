import type { SilencePreview } from "@storewatch/model/api";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { matcherText, type SilenceMatcher } from "../../api/alertmanager.ts";
import { Chips, problemWords } from "../../design/blocks.tsx";
import { percent } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { previewSilence } from "./calm-api.ts";

/** What the silence would hide now: the server answers, so that matching is the very same. */
export function SilencePreviewBox({
  matchers,
  id,
}: {
  readonly matchers: readonly SilenceMatcher[];
  /** Of the silence that is changed: what it hides already counts as hidden by the change. */
  readonly id?: string;
}) {
  const { t } = useTranslation();
  const query = useQuery({
    queryKey: ["alerts", "preview", matchers.map(matcherText), id],
    queryFn: ({ signal }) => previewSilence({ matchers: [...matchers], id }, signal),
    enabled: matchers.length > 0,
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (matchers.length === 0) return <p className="preview state-warn">{t("silence.previewAll")}</p>;
  if (query.isError) return <p className="preview state-crit">{problemWords(query.error, t).why}</p>;
  if (!query.data) return <p className="preview muted">{t("common.loading")}…</p>;
  return <Preview preview={query.data} />;
}

/** Alerts named; the rest is a number. */
const SHOWN = 5;
const WARNING_STATE = { error: "crit", warning: "warn", info: "info" } as const;

function Preview({ preview }: { readonly preview: SilencePreview }) {
  const { t } = useTranslation();
  const { alerts, total, newlyHidden, warnings, receivers } = preview;
  // "nothing" is said by the sentence itself.
  const told = warnings.filter((warning) => warning.code !== "nothing");
  return (
    <div className="preview">
      {total === 0 ? (
        <p className="muted">{t("silence.previewNone")}</p>
      ) : (
        <>
          <strong>{t("silence.preview", { count: total })}</strong>
          {newlyHidden < total && (
            <span className="muted"> {t("silence.already", { count: total - newlyHidden })}</span>
          )}
          <ul>
            {alerts.slice(0, SHOWN).map((alert) => (
              <li key={alert.fingerprint} className={alert.silencedBy.length > 0 ? "muted" : undefined}>
                {alert.labels.alertname} <Chips labels={alert.labels} skip={["alertname", "job", "instance"]} />
              </li>
            ))}
            {total > SHOWN && <li className="muted">{t("silence.andMore", { count: total - SHOWN })}</li>}
          </ul>
        </>
      )}
      {receivers.some((one) => one.hidden > 0) && (
        <p className="muted">
          {t("silence.hearLess", {
            receivers: receivers
              .filter((one) => one.hidden > 0)
              .map((one) => t("silence.hears", { name: one.name, hidden: one.hidden, left: one.left }))
              .join(", "),
          })}
        </p>
      )}
      {told.map((warning) => (
        <p key={warning.code} className="preview-warning">
          <StateMark state={WARNING_STATE[warning.severity]} />
          <span>
            {warning.code === "refused"
              ? warning.message
              : t(`silence.warning.${warning.code}`, { share: percent(preview.share) })}
          </span>
        </p>
      ))}
    </div>
  );
}
