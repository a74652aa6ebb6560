import { ActionIcon, Button, Modal, Select, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Silence, saveSilence } from "../../api/alertmanager.ts";
import type { LabelSet } from "../../api/prometheus.ts";
import { problemWords } from "../../design/blocks.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import {
  changedSilence,
  type EditedMatcher,
  editedMatchers,
  finished,
  matchersOf,
  newSilence,
  OPERATORS,
  operatorOf,
  SILENCE_HOURS,
  withOperator,
} from "./silence-form.ts";
import { SilencePreviewBox } from "./silence-preview.tsx";
import "./alerts.css";

/** The end that a changed silence has already, among the choices of how long. */
const KEEP = "keep";

export default function SilenceDialog({
  labels,
  silence,
  author,
  onClose,
}: {
  /** Of a new silence. */
  readonly labels: LabelSet;
  /** To be changed. */
  readonly silence?: Silence;
  readonly author: string;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [matchers, setMatchers] = useState(() => (silence ? editedMatchers(silence) : matchersOf(labels)));
  const [hours, setHours] = useState(silence ? KEEP : "1");
  const [comment, setComment] = useState(silence?.comment ?? "");
  const time = (text: string) => moment(Date.parse(text), Date.now(), currentLanguage());
  const save = useMutation({
    mutationFn: saveSilence,
    onSuccess: (_, saved) => {
      void client.invalidateQueries({ queryKey: ["alerts"] });
      notifications.show({ message: t("silence.created", { time: time(saved.endsAt) }) });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const nowMs = Date.now();
    const chosen = hours === KEEP ? undefined : Number(hours);
    save.mutate(
      silence
        ? changedSilence(silence, { matchers, hours: chosen, comment, createdBy: author }, nowMs)
        : newSilence(matchers, chosen ?? 1, comment, author, nowMs),
    );
  };
  const words = save.error && problemWords(save.error, t);
  return (
    <Modal opened onClose={onClose} title={t(silence ? "silence.titleEdit" : "silence.title")} size="lg">
      <form className="silence" onSubmit={submit}>
        <p className="muted">{t(silence ? "silence.leadEdit" : "silence.lead")}</p>
        <MatcherRows matchers={matchers} onChange={setMatchers} />
        <SilencePreviewBox matchers={finished(matchers)} id={silence?.id} />
        <div className="silence-when">
          <Select
            label={t("silence.how")}
            value={hours}
            onChange={(value) => setHours(value ?? hours)}
            allowDeselect={false}
            data={[
              ...(silence ? [{ value: KEEP, label: t("silence.keep", { time: time(silence.endsAt) }) }] : []),
              ...SILENCE_HOURS.map((hour) => ({
                value: String(hour),
                label: hour < 24 ? t("silence.hours", { count: hour }) : t("silence.days", { count: hour / 24 }),
              })),
            ]}
          />
          <Textarea
            label={t("silence.comment")}
            placeholder={t("silence.commentPlaceholder")}
            required
            autosize
            minRows={1}
            value={comment}
            onChange={(event) => setComment(event.target.value)}
            data-autofocus
          />
        </div>
        {words && <p className="state-crit">{t("silence.bad", { reason: words.why ?? words.title })}</p>}
        <div className="row silence-end">
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={save.isPending} disabled={finished(matchers).length === 0}>
            {t(silence ? "silence.save" : "silence.create")}
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function MatcherRows({
  matchers,
  onChange,
}: {
  readonly matchers: EditedMatcher[];
  readonly onChange: (next: EditedMatcher[]) => void;
}) {
  const { t } = useTranslation();
  const replace = (next: EditedMatcher) =>
    onChange(matchers.map((matcher) => (matcher.key === next.key ? next : matcher)));
  const add = () =>
    onChange([
      ...matchers,
      {
        key: Math.max(-1, ...matchers.map((matcher) => matcher.key)) + 1,
        name: "",
        value: "",
        isRegex: false,
        isEqual: true,
      },
    ]);
  return (
    <fieldset className="matchers">
      <legend>{t("silence.matchers")}</legend>
      {matchers.map((matcher) => (
        <div key={matcher.key} className="matcher">
          <TextInput
            aria-label={t("silence.label")}
            placeholder={t("silence.label")}
            value={matcher.name}
            onChange={(event) => replace({ ...matcher, name: event.target.value })}
          />
          <Select
            aria-label="="
            data={[...OPERATORS]}
            value={operatorOf(matcher)}
            allowDeselect={false}
            onChange={(value) => replace(withOperator(matcher, value ?? "="))}
          />
          <TextInput
            aria-label={t("silence.value")}
            placeholder={t("silence.value")}
            value={matcher.value}
            onChange={(event) => replace({ ...matcher, value: event.target.value })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={34}
            aria-label={t("silence.remove", { name: matcher.name })}
            onClick={() => onChange(matchers.filter((other) => other.key !== matcher.key))}
          >
            <X size={15} />
          </ActionIcon>
        </div>
      ))}
      <button type="button" className="link-button row" onClick={add}>
        <Plus size={14} /> {t("silence.add")}
      </button>
    </fieldset>
  );
}
