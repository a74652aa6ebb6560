import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

/** Keeps a failing part from taking the page along. */
export class CrashGuard extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? <Crashed onRetry={() => this.setState({ failed: false })} /> : this.props.children;
  }
}

export function Crashed({ onRetry }: { readonly onRetry?: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="empty" role="alert">
      <strong>{t("problem.crashed")}</strong>
      <p>{t("problem.crashedHint")}</p>
      {onRetry && (
        <Button variant="default" size="xs" onClick={onRetry}>
          {t("common.retry")}
        </Button>
      )}
    </div>
  );
}
