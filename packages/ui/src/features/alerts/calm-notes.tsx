import type { Calm, ExpiringSilence, Storm } from "@storewatch/model/api";
import { useTranslation } from "react-i18next";
import { StateMark } from "../../design/state.tsx";
import { moment, span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";

/** What is held back right now: storms told by digest, alerts that flap, silences about to end. Nothing when calm. */
export function CalmNotes({ calm }: { readonly calm: Calm | undefined }) {
  if (!calm) return null;
  const storms = calm.storms.filter((storm) => storm.active);
  if (storms.length + calm.flappingTotal + calm.expiringSilences.length === 0) return null;
  return (
    <ul className="calm">
      {storms.map((storm) => (
        <StormNote key={`${storm.receiver} ${storm.integration}`} storm={storm} />
      ))}
      {calm.flappingTotal > 0 && <FlappingNote calm={calm} />}
      {calm.expiringSilences.map((silence) => (
        <ExpiringNote key={silence.id} silence={silence} />
      ))}
    </ul>
  );
}

function StormNote({ storm }: { readonly storm: Storm }) {
  const { t } = useTranslation();
  const next = storm.nextDigestAtMs && moment(storm.nextDigestAtMs, Date.now(), currentLanguage());
  return (
    <li>
      <StateMark state="info" />
      <span>
        {t("calm.storm", { receiver: storm.receiver, count: storm.groups, alerts: storm.alerts })}
        {next && ` ${t("calm.nextDigest", { time: next })}`}
      </span>
    </li>
  );
}

function FlappingNote({ calm }: { readonly calm: Calm }) {
  const { t } = useTranslation();
  const names = [...new Set(calm.flapping.map((alert) => alert.labels.alertname))].slice(0, 3).join(", ");
  return (
    <li>
      <StateMark state="info" />
      <span>{t("calm.flapping", { count: calm.flappingTotal, names })}</span>
    </li>
  );
}

function ExpiringNote({ silence }: { readonly silence: ExpiringSilence }) {
  const { t } = useTranslation();
  return (
    <li>
      <StateMark state="silent" />
      <span>
        {t("calm.expiring", {
          comment: silence.comment,
          who: silence.createdBy,
          time: span(silence.endsAtMs - Date.now(), currentLanguage()),
          count: silence.hiddenAlerts,
        })}
        {silence.receivers.length > 0 && ` ${t("calm.thenTold", { receivers: silence.receivers.join(", ") })}`}
      </span>
    </li>
  );
}
