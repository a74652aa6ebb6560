// `time_intervals` and the older `mute_time_intervals` of the file.
import { z } from "zod";
import {
  parseDaysOfMonth,
  parseLocation,
  parseMonths,
  parseTimeRange,
  parseWeekdays,
  parseYears,
  type TimeInterval,
  TimeIntervalError,
} from "../time-interval.ts";
import type { Builder } from "./builder.ts";
import { maybe, maybeText, texts } from "./schema.ts";

export const timeIntervalSchema = z.strictObject({
  times: maybe(z.array(z.strictObject({ start_time: maybeText, end_time: maybeText }))),
  weekdays: texts,
  days_of_month: texts,
  months: texts,
  years: texts,
  location: maybeText,
});
export type TimeIntervalInput = z.output<typeof timeIntervalSchema>;

export const timeIntervalsSchema = maybe(
  z.array(z.strictObject({ name: maybeText, time_intervals: maybe(z.array(timeIntervalSchema)) })),
);

/** Throws TimeIntervalError. */
export function buildTimeInterval(input: TimeIntervalInput): TimeInterval {
  return {
    times: (input.times ?? []).map((range) => parseTimeRange(range.start_time, range.end_time)),
    weekdays: (input.weekdays ?? []).map(parseWeekdays),
    daysOfMonth: (input.days_of_month ?? []).map(parseDaysOfMonth),
    months: (input.months ?? []).map(parseMonths),
    years: (input.years ?? []).map(parseYears),
    location: input.location ? parseLocation(input.location) : undefined,
  };
}

export function buildTimeIntervals(
  builder: Builder,
  sections: Readonly<Record<string, z.output<typeof timeIntervalsSchema>>>,
): Map<string, TimeInterval[]> {
  const made = new Map<string, TimeInterval[]>();
  for (const [section, list] of Object.entries(sections)) {
    (list ?? []).forEach((item, i) => {
      const path = [section, i];
      const name = item.name ?? "";
      if (name === "") builder.error(path, "missing name in time interval");
      if (made.has(name)) builder.error(path, `time interval "${name}" is not unique`);
      made.set(name, buildOne(builder, item.time_intervals ?? [], path));
    });
  }
  return made;
}

function buildOne(
  builder: Builder,
  inputs: readonly TimeIntervalInput[],
  path: ReadonlyArray<string | number>,
): TimeInterval[] {
  return inputs.flatMap((input, i) => {
    try {
      return [buildTimeInterval(input)];
    } catch (error) {
      if (!(error instanceof TimeIntervalError)) throw error;
      builder.error([...path, "time_intervals", i], error.message);
      return [];
    }
  });
}
