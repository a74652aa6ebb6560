import { useTranslation } from "react-i18next";

export type StateName = "ok" | "warn" | "crit" | "info" | "silent" | "unknown";

/** A state has a colour, a shape and (by `word`, or for screen readers) a name: never the colour alone. */
export function StateMark({
  state,
  word,
  size = 12,
}: {
  readonly state: StateName;
  readonly word?: string;
  readonly size?: number;
}) {
  const { t } = useTranslation();
  const name = word ?? (state === "info" || state === "silent" ? "" : t(`state.${state}`));
  return (
    <span className={`state state-${state}`}>
      <svg width={size} height={size} viewBox="0 0 12 12" aria-hidden="true">
        {SHAPES[state]}
      </svg>
      {word === undefined ? <span className="sr-only">{name}</span> : <span>{word}</span>}
    </span>
  );
}

const SHAPES = {
  ok: <circle cx="6" cy="6" r="4.2" fill="currentColor" />,
  warn: <path d="M6 1.2 11.4 10.8H.6Z" fill="currentColor" />,
  crit: <path d="M6 .4 11.6 6 6 11.6.4 6Z" fill="currentColor" />,
  info: <rect x="1.6" y="1.6" width="8.8" height="8.8" rx="1" fill="currentColor" />,
  silent: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.8" />,
  unknown: <path d="M2 6h8" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />,
} as const;

export function severityState(severity: string | undefined): StateName {
  if (severity === "critical" || severity === "page" || severity === "error") return "crit";
  return severity === "info" || severity === "none" ? "info" : "warn";
}
