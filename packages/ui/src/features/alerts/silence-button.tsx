// A silence from anywhere: a button, or the dialog for alerts that are already listed. The dialog itself loads when asked.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { BellOff } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Silence } from "../../api/alertmanager.ts";
import type { LabelSet } from "../../api/prometheus.ts";
import { sessionQuery } from "../../api/queries.ts";
import { useMaySilence } from "../../app/rights.ts";
import { type AlertItem, silenceLabels } from "./alert-list.ts";

const SilenceDialog = lazy(() => import("./silence-dialog.tsx"));

interface Silencing {
  /** undefined for those who may not. */
  readonly start: ((items: readonly AlertItem[]) => void) | undefined;
  readonly startWith: ((labels: LabelSet) => void) | undefined;
  readonly edit: ((silence: Silence) => void) | undefined;
  readonly dialog: ReactNode;
}

export function useSilencing(): Silencing {
  const session = useQuery(sessionQuery).data;
  const maySilence = useMaySilence();
  const [asked, setAsked] = useState<{ readonly labels: LabelSet; readonly silence?: Silence }>();
  return {
    start: maySilence ? (items) => setAsked({ labels: silenceLabels(items) }) : undefined,
    startWith: maySilence ? (labels) => setAsked({ labels }) : undefined,
    edit: maySilence ? (silence) => setAsked({ labels: {}, silence }) : undefined,
    dialog: asked && session && (
      <Suspense fallback={null}>
        <SilenceDialog {...asked} author={session.name} onClose={() => setAsked(undefined)} />
      </Suspense>
    ),
  };
}

/** Nothing for those who may not silence. */
export function SilenceButton({ labels, text }: { readonly labels: LabelSet; readonly text?: string }) {
  const { t } = useTranslation();
  const { startWith, dialog } = useSilencing();
  if (!startWith) return null;
  return (
    <>
      <Button variant="default" leftSection={<BellOff size={14} />} onClick={() => startWith(labels)}>
        {text ?? t("alerts.silence")}
      </Button>
      {dialog}
    </>
  );
}
