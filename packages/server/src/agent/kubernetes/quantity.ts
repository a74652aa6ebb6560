// Amounts as Kubernetes writes them: 500m, 2Gi, 1e3.
const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]))?$/;

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Undefined when it is none. */
export function parseQuantity(text: string | number | undefined): number | undefined {
  if (typeof text === "number") return text;
  const match = text === undefined ? null : QUANTITY.exec(text);
  if (!match) return undefined;
  const [, digits, exponent = "", suffix] = match;
  // Divided rather than multiplied by 0.001, so that 100m is 0.1 and not 0.1000…1.
  const number = Number(digits + exponent);
  if (suffix === undefined) return number;
  const factor = SUFFIXES[suffix];
  return factor < 1 ? number / Math.round(1 / factor) : number * factor;
}

/** The unit by which kube-state-metrics counts a resource. */
export function unitOf(resource: string): string {
  if (resource === "cpu") return "core";
  const isBytes =
    resource === "memory" ||
    resource === "storage" ||
    resource === "ephemeral-storage" ||
    resource.startsWith("hugepages-") ||
    resource.startsWith("attachable-volumes-");
  return isBytes ? "byte" : "integer";
}

/** A name as a label's value or name has it: all but letters, digits and `_` become `_`. */
export function sanitized(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_]/g, "_");
}

/** Seconds since 1970 of the API's time; undefined when it is none. */
export function unixSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}
