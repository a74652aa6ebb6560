import { Button } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { expireSilence, matcherText, type Silence } from "../../api/alertmanager.ts";
import { Panel, problemWords } from "../../design/blocks.tsx";
import { StateMark } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";

export function SilenceList({
  silences,
  mayExpire,
  onEdit,
}: {
  readonly silences: readonly Silence[];
  readonly mayExpire: boolean;
  /** undefined for those who may not. */
  readonly onEdit: ((silence: Silence) => void) | undefined;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const current = silences
    .filter((silence) => silence.status.state !== "expired")
    .sort((a, b) => Date.parse(a.endsAt) - Date.parse(b.endsAt));
  const expire = useMutation({
    mutationFn: expireSilence,
    onSuccess: () => {
      notifications.show({ message: t("silence.expired") });
      void client.invalidateQueries({ queryKey: ["alerts"] });
    },
    onError: (error) =>
      notifications.show({ color: "crit", message: problemWords(error, t).why ?? problemWords(error, t).title }),
  });
  const ask = (id: string) =>
    modals.openConfirmModal({
      title: t("silence.expireConfirm"),
      labels: { confirm: t("silence.expire"), cancel: t("common.cancel") },
      onConfirm: () => expire.mutate(id),
    });
  return (
    <Panel title={t("silence.active")} flush>
      {current.length === 0 && <p className="muted silence-none">{t("silence.noActive")}</p>}
      {current.map((silence) => (
        <div key={silence.id} className="silence-row">
          <StateMark state="silent" />
          <div className="silence-what">
            <div className="chips">
              {silence.matchers.map((matcher) => (
                <code key={matcherText(matcher)} className="chip">
                  {matcherText(matcher)}
                </code>
              ))}
            </div>
            <p className="muted">
              {silence.comment} · {silence.createdBy}
            </p>
          </div>
          <span className="silence-until">
            {silence.status.state === "pending" &&
              `${t("silence.pendingFrom", { time: moment(Date.parse(silence.startsAt), Date.now(), currentLanguage()) })} `}
            {t("silence.until", { time: moment(Date.parse(silence.endsAt), Date.now(), currentLanguage()) })}
          </span>
          {onEdit && (
            <Button size="xs" variant="default" onClick={() => onEdit(silence)}>
              {t("silence.edit")}
            </Button>
          )}
          {mayExpire && (
            <Button size="xs" variant="default" onClick={() => ask(silence.id)}>
              {t("silence.expire")}
            </Button>
          )}
        </div>
      ))}
    </Panel>
  );
}
