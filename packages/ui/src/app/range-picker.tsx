import { Button, Popover, TextInput } from "@mantine/core";
import { ChevronDown, Clock } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { span, zoneName } from "../design/times.ts";
import { currentLanguage } from "../text/index.ts";
import { RANGES, rangeWords, useTimeRange, useUrlActions } from "./url-state.ts";

export function RangePicker() {
  const { t } = useTranslation();
  const range = useTimeRange();
  const actions = useUrlActions();
  const [open, setOpen] = useState(false);
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" shadow="md" width={300} trapFocus>
      <Popover.Target>
        <button type="button" className="bar-button" onClick={() => setOpen(!open)} aria-label={t("bar.range")}>
          <Clock size={15} aria-hidden="true" />
          <span>{rangeWords(range, t)}</span>
          <ChevronDown size={14} aria-hidden="true" />
        </button>
      </Popover.Target>
      <Popover.Dropdown p={12}>
        <div className="range-grid">
          {RANGES.map(([text, ms]) => (
            <button
              key={text}
              type="button"
              className={range.range === text ? "active" : undefined}
              onClick={() => {
                actions.setRange(text);
                setOpen(false);
              }}
            >
              {span(ms, currentLanguage())}
            </button>
          ))}
        </div>
        <CustomRange onDone={() => setOpen(false)} />
        <p className="hint">{t("range.zone", { zone: zoneName(Date.now()) })}</p>
      </Popover.Dropdown>
    </Popover>
  );
}

/** ms → the local form of an input of type datetime-local. */
function localText(ms: number): string {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}

function CustomRange({ onDone }: { readonly onDone: () => void }) {
  const { t } = useTranslation();
  const { setWindow } = useUrlActions();
  const { fromMs, toMs } = useTimeRange().window();
  const [from, setFrom] = useState(localText(fromMs));
  const [to, setTo] = useState(localText(toMs));
  const [bad, setBad] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const [start, end] = [new Date(from).getTime(), new Date(to).getTime()];
    if (!(start < end)) return setBad(true);
    setWindow(start, end);
    onDone();
  };
  return (
    <form className="range-custom" onSubmit={submit}>
      <TextInput
        type="datetime-local"
        size="xs"
        label={t("range.from")}
        value={from}
        onChange={(event) => setFrom(event.target.value)}
      />
      <TextInput
        type="datetime-local"
        size="xs"
        label={t("range.to")}
        value={to}
        onChange={(event) => setTo(event.target.value)}
        error={bad && t("range.bad")}
      />
      <Button type="submit" size="xs" variant="light">
        {t("range.apply")}
      </Button>
    </form>
  );
}
