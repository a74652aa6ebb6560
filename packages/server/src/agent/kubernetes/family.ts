// What a family of a kind of objects is, and the helpers that its samples are made with.
import type { LabelValues } from "../interface.ts";
import type { Condition, KubeThing, Metadata, Quantities } from "./objects.ts";
import { parseQuantity, sanitized, unitOf, unixSeconds } from "./quantity.ts";

/** Labels besides those that name the object, and the value. */
export type KubeSample = readonly [labels: LabelValues, value: number];

export interface KubeFamily<T> {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly samples: (object: T) => readonly KubeSample[];
}

export type AnyThing = KubeThing<unknown, unknown>;

export const NO_SAMPLES: readonly KubeSample[] = [];
const NO_LABELS: LabelValues = {};

export function gauge<T>(
  name: string,
  help: string,
  samples: (object: T) => readonly KubeSample[] | number | boolean | undefined,
): KubeFamily<T> {
  return { name, help, type: "gauge", samples: (object) => asSamples(samples(object)) };
}

export function counter<T>(name: string, help: string, samples: (object: T) => readonly KubeSample[]): KubeFamily<T> {
  return { name, help, type: "counter", samples };
}

/** A value 1 with labels that tell of the object. */
export function info<T>(name: string, help: string, labels: (object: T) => LabelValues): KubeFamily<T> {
  return { name, help, type: "gauge", samples: (object) => [[labels(object), 1]] };
}

function asSamples(value: readonly KubeSample[] | number | boolean | undefined): readonly KubeSample[] {
  if (typeof value === "object") return value;
  return value === undefined ? NO_SAMPLES : [[NO_LABELS, Number(value)]];
}

/** When the object was made. */
export function created<T extends AnyThing>(prefix: string): KubeFamily<T> {
  return gauge(`${prefix}_created`, "Unix creation timestamp", ({ metadata }) =>
    unixSeconds(metadata?.creationTimestamp),
  );
}

export function deletionTimestamp<T extends AnyThing>(prefix: string): KubeFamily<T> {
  return gauge(`${prefix}_deletion_timestamp`, "Unix deletion timestamp", ({ metadata }) =>
    unixSeconds(metadata?.deletionTimestamp),
  );
}

export function metadataGeneration<T extends AnyThing>(prefix: string): KubeFamily<T> {
  return gauge(
    `${prefix}_metadata_generation`,
    "Sequence number representing a specific generation of the desired state.",
    ({ metadata }) => metadata?.generation,
  );
}

/** The value of an optional number of the status, which the API leaves out at 0. */
export function statusNumber<T>(name: string, help: string, read: (object: T) => number | undefined): KubeFamily<T> {
  return gauge(name, help, (object) => read(object) ?? 0);
}

export function owners<T extends AnyThing>(prefix: string): KubeFamily<T> {
  return gauge(`${prefix}_owner`, "Information about the owner.", ({ metadata }) => {
    const references = metadata?.ownerReferences ?? [];
    if (references.length === 0) return [[{ owner_kind: "", owner_name: "", owner_is_controller: "" }, 1]];
    return references.map(({ kind = "", name = "", controller }) => [
      { owner_kind: kind, owner_name: name, owner_is_controller: String(controller === true) },
      1,
    ]);
  });
}

/** The controller; the first owner where none is. */
export function controllerOf(metadata: Metadata | undefined): { readonly kind: string; readonly name: string } {
  const references = metadata?.ownerReferences ?? [];
  const owner = references.find(({ controller }) => controller) ?? references[0];
  return { kind: owner?.kind ?? "", name: owner?.name ?? "" };
}

/** One of `values` is 1, the others 0: so that a series goes to 0 rather than away. */
export function oneOf(label: string, values: readonly string[], actual: string | undefined): readonly KubeSample[] {
  return values.map((value) => [{ [label]: value }, value === actual ? 1 : 0]);
}

export const CONDITION_STATUSES = ["true", "false", "unknown"];

/** Of a condition: three series, of which the one of its status is 1. */
export function conditionStatus(condition: Condition, labels: LabelValues, statusLabel: string): KubeSample[] {
  const actual = condition.status?.toLowerCase();
  return CONDITION_STATUSES.map((status) => [{ ...labels, [statusLabel]: status }, status === actual ? 1 : 0]);
}

/** A sample for each resource, with its unit. */
export function resources(quantities: Quantities | undefined, labels: LabelValues): KubeSample[] {
  const samples: KubeSample[] = [];
  for (const [resource, quantity] of Object.entries(quantities ?? {})) {
    const value = parseQuantity(quantity);
    if (value === undefined) continue;
    samples.push([{ ...labels, resource: sanitized(resource), unit: unitOf(resource) }, value]);
  }
  return samples;
}
