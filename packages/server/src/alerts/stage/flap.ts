// To people a flapping alert is one state, told once: it counts as firing, with a mark, whatever it is at the moment.
import type { LabelRecord } from "@storewatch/model";
import type { DeliveryContext, Stage } from "./stage.ts";

export function flapStage(calms: (kind: string) => boolean): Stage<DeliveryContext> {
  return (context, alerts) => {
    if (!alerts.some(({ flapping, held }) => flapping !== undefined || held)) return alerts;
    if (calms(context.delivery.kind)) return alerts.map((one) => (one.flapping ? { ...one, resolved: false } : one));
    return alerts.filter(({ held }) => !held).map(({ alert, resolved }) => ({ alert, resolved }));
  };
}

/** The mark as Alertmanager's templates can show it: an annotation of its own, and within the usual texts. */
export function flappingAnnotations(annotations: LabelRecord, sentence: string): LabelRecord {
  const { summary, description } = annotations;
  return {
    ...annotations,
    ...(summary ? { summary: `${summary} [flapping]` } : {}),
    description: description ? `${description} ${sentence}` : sentence,
    flapping: sentence,
  };
}
