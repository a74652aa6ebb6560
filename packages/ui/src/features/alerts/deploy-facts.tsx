import { ExternalLink } from "lucide-react";
import { useTranslation } from "react-i18next";
import { isWebUrl } from "./deploy-list.ts";

const COMMIT_SHOWN = 10;

/** What tells a deploy's change: its commit, and where to read more. */
export function DeployFacts({
  commit,
  link,
}: {
  readonly commit: string | undefined;
  readonly link: string | undefined;
}) {
  const { t } = useTranslation();
  return (
    <>
      {commit && (
        <span className="muted" title={commit}>
          {t("deploys.commit")} <code>{commit.slice(0, COMMIT_SHOWN)}</code>
        </span>
      )}
      {link && isWebUrl(link) && (
        <a href={link} target="_blank" rel="noopener noreferrer" className="deploy-link">
          {new URL(link).host} <ExternalLink size={12} aria-hidden="true" />
        </a>
      )}
    </>
  );
}
