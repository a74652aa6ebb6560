// Reading panel options, whose shape is not ours.

export type Bag = Readonly<Record<string, unknown>>;

export const bag = (value: unknown): Bag =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Bag) : {};
export const text = (value: unknown, otherwise = ""): string => (typeof value === "string" ? value : otherwise);
export const flag = (value: unknown, otherwise = false): boolean => (typeof value === "boolean" ? value : otherwise);
export const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
export const bags = (value: unknown): readonly Bag[] => (Array.isArray(value) ? value.map(bag) : []);
export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
