import { expect, it } from "vitest";
import { CALM_DEFAULTS, CALM_OFF, calmSchema, toCalmConfig } from "./calm.ts";
import { parseConfigDocument, validate } from "./document.ts";

const read = (yaml: string) => toCalmConfig(validate(calmSchema, parseConfigDocument("storewatch.yml", yaml)));

it("calms people and not machines, unless told otherwise", () => {
  expect(CALM_DEFAULTS).toEqual({
    flap: { changes: 4, windowMs: 900_000, calmForMs: 900_000 },
    storm: { notifications: 20, windowMs: 60_000 },
    silenceReminder: { beforeMs: 900_000, receiver: undefined },
    webhooks: false,
  });
  const off = "{ flap: { enabled: false }, storm: { enabled: false }, silence_reminder: { enabled: false } }";
  expect(read(off)).toEqual(CALM_OFF);
  const own = read(
    "{ flap: { changes: 6, window: 10m, calm_for: 1h }, storm: { notifications: 5, window: 30s }, webhooks: true }",
  );
  expect(own).toMatchObject({
    flap: { changes: 6, windowMs: 600_000, calmForMs: 3_600_000 },
    storm: { notifications: 5, windowMs: 30_000 },
    webhooks: true,
  });
});

it("refuses what cannot work, with the place", () => {
  for (const [yaml, place] of [
    ["flap: { changes: 1 }", /1:9: flap.changes: .*2/],
    ["flap: { window: 5s }", /expected a duration from 1m to 1d/],
    ["storm: { notification: 5 }", /notifications/],
    ["silence_reminder: { before: 2w }", /expected a duration/],
  ] as const)
    expect(() => read(yaml)).toThrow(place);
});
