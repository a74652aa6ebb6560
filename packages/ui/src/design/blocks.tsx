// The few building blocks that every screen is made of.
import { ActionIcon, Button, CopyButton, Skeleton, Tooltip } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { Check, Copy } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { RequestError } from "../api/http.ts";
import { StateMark, type StateName } from "./state.tsx";

/** The sentence on top of a page: what is wrong, for whom, since when; below it how bad; beside it what to do. */
export function Headline(props: {
  readonly state: StateName;
  readonly children: ReactNode;
  readonly detail?: ReactNode;
  readonly action?: ReactNode;
}) {
  return (
    <header className={`headline headline-${props.state}`}>
      <StateMark state={props.state} size={18} />
      <div className="headline-words">
        <h1>{props.children}</h1>
        {props.detail && <p>{props.detail}</p>}
      </div>
      {props.action && <div className="headline-action">{props.action}</div>}
    </header>
  );
}

export function Panel(props: {
  readonly title?: ReactNode;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly flush?: boolean;
  readonly className?: string;
}) {
  return (
    <section className={`panel${props.flush ? " panel-flush" : ""}${props.className ? ` ${props.className}` : ""}`}>
      {(props.title || props.aside) && (
        <div className="panel-head">
          <h2>{props.title}</h2>
          {props.aside && <div className="panel-aside">{props.aside}</div>}
        </div>
      )}
      <div className="panel-body">{props.children}</div>
    </section>
  );
}

/** Why there is nothing, and the next step with a command to copy. */
export function Empty(props: {
  readonly title: string;
  readonly why?: string;
  readonly command?: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className="empty">
      <strong>{props.title}</strong>
      {props.why && <p>{props.why}</p>}
      {props.command && <Command text={props.command} />}
      {props.children}
    </div>
  );
}

export function Command({ text }: { readonly text: string }) {
  return (
    <div className="command">
      <code>{text}</code>
      <CopyIcon text={text} />
    </div>
  );
}

export function CopyIcon({ text }: { readonly text: string }) {
  const { t } = useTranslation();
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t("common.copied") : t("common.copy")}>
          <ActionIcon variant="subtle" color="gray" size="sm" onClick={copy} aria-label={t("common.copy")}>
            {copied ? <Check size={14} /> : <Copy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** What failed, where, why, and what to do. */
export function Problem({
  error,
  onRetry,
  title,
}: {
  readonly error: unknown;
  readonly onRetry?: () => void;
  readonly title?: string;
}) {
  const { t } = useTranslation();
  const words = problemWords(error, t);
  return (
    <div className="problem" role="alert">
      <StateMark state="crit" size={14} />
      <div>
        <strong>{title ?? words.title}</strong>
        {words.why && <p>{words.why}</p>}
        {words.hint && <p className="muted">{words.hint}</p>}
        {onRetry && (
          <Button variant="default" size="xs" mt={8} onClick={onRetry}>
            {t("common.retry")}
          </Button>
        )}
      </div>
    </div>
  );
}

type Translate = (key: string, options?: Record<string, unknown>) => string;

export function problemWords(error: unknown, t: Translate): { title: string; why?: string; hint?: string } {
  if (error instanceof RequestError) {
    const path = error.path.split("?")[0];
    if (error.status === 0) {
      return {
        title: t("problem.unreachable"),
        why: t("problem.unreachableWhy", { path }),
        hint: t("problem.unreachableHint"),
      };
    }
    if (error.status === 403)
      return { title: t("problem.forbidden"), why: error.message, hint: error.hint ?? t("problem.forbiddenHint") };
    return {
      title: t("problem.failed"),
      why: error.message || t("problem.status", { status: error.status, path }),
      hint: error.hint,
    };
  }
  return { title: t("problem.failed"), why: error instanceof Error ? error.message.slice(0, 400) : String(error) };
}

/** Skeleton while the first answer is awaited, the problem if there is none; later failures leave the old data. */
export function Loaded<T>(props: {
  readonly query: UseQueryResult<T>;
  readonly skeleton?: ReactNode;
  readonly children: (data: T) => ReactNode;
}) {
  const { query } = props;
  if (query.data !== undefined) return <>{props.children(query.data)}</>;
  if (query.isError) return <Problem error={query.error} onRetry={() => void query.refetch()} />;
  return <>{props.skeleton ?? <Lines count={5} />}</>;
}

/** Skeleton rows of the height of table rows. */
export function Lines({ count, height = 14 }: { readonly count: number; readonly height?: number }) {
  return (
    <div className="skeleton-lines" aria-hidden="true">
      {Array.from({ length: count }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: skeletons have no identity.
        <Skeleton key={i} height={height} width={`${92 - ((i * 17) % 40)}%`} />
      ))}
    </div>
  );
}

/** Label chips: `name=value` in code type. */
export function Chips({
  labels,
  skip = [],
}: {
  readonly labels: Readonly<Record<string, string>>;
  readonly skip?: readonly string[];
}) {
  const shown = Object.entries(labels).filter(([name]) => !skip.includes(name));
  return (
    <span className="chips">
      {shown.map(([name, value]) => (
        <code key={name} className="chip">
          <span>{name}=</span>
          {value}
        </code>
      ))}
    </span>
  );
}
