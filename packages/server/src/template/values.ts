// Values inside templates, with Go's types kept apart: int = bigint, float64 = number, string, bool, null = a nil
// interface, undefined = no value at all (a missing map key). Lists are arrays or GoList, maps are Map or GoMap.
import { compareStrings } from "@storewatch/model";
import type { TemplateFunction, TemplateValue } from "./interface.ts";

export type Methods = Readonly<Record<string, TemplateFunction>>;

const NO_METHODS: Methods = {};

/** A struct: named fields in order, and methods. */
export class GoStruct {
  constructor(
    readonly typeName: string,
    readonly fields: Readonly<Record<string, TemplateValue>>,
    readonly methods: Methods = NO_METHODS,
    /** What encoding/json makes of it; without it the fields under their own names. */
    readonly json?: () => unknown,
  ) {}
}

/** A slice of a named type, possibly with methods. Plain arrays are `[]interface {}`. */
export class GoList {
  constructor(
    readonly typeName: string,
    readonly items: readonly TemplateValue[],
    readonly methods: Methods = NO_METHODS,
    /** fmt.Stringer: how it prints. */
    readonly text?: () => string,
  ) {}
}

/** A map with string keys and values of one type. Plain Map objects are `map[string]interface {}`. */
export class GoMap {
  constructor(
    readonly typeName: string,
    readonly entries: ReadonlyMap<string, TemplateValue>,
    /** The zero value of the element type: what a missing key gives under missingkey=zero, and what `index` gives. */
    readonly zero: TemplateValue,
    readonly methods: Methods = NO_METHODS,
    readonly text?: () => string,
  ) {}
}

/** map[string]string from a record. */
export function stringMap(record: Readonly<Record<string, string>>): GoMap {
  return new GoMap("map[string]string", new Map(Object.entries(record)), "");
}

/** A named integer type that prints as a word: time.Month, time.Weekday. */
export class GoEnum {
  constructor(
    readonly typeName: string,
    readonly value: bigint,
    readonly text: string,
  ) {}
}

/** complex128: only literals such as 1i make one. */
export class GoComplex {
  constructor(
    readonly real: number,
    readonly imaginary: number,
  ) {}
}

export type SafeKind = "HTML" | "URL" | "JS" | "CSS" | "HTMLAttr";

/** Text that the author declares safe for one context (html/template's typed strings). */
export class SafeText {
  constructor(
    readonly kind: SafeKind,
    readonly text: string,
  ) {}
}

export type Kind =
  | "invalid"
  | "nil"
  | "bool"
  | "int"
  | "float"
  | "complex"
  | "string"
  | "list"
  | "map"
  | "struct"
  | "func"
  | "other";

/** A value that knows its own kind, type name and text: times and durations (time.ts). */
export interface GoNamed {
  readonly goKind: Kind;
  readonly typeName: string;
  readonly methods: Methods;
  toString(): string;
}

export function isNamed(value: TemplateValue): value is GoNamed {
  return typeof value === "object" && value !== null && "goKind" in value;
}

export function kindOf(value: TemplateValue): Kind {
  switch (typeof value) {
    case "undefined":
      return "invalid";
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "float";
    case "string":
      return "string";
    case "function":
      return "func";
    case "object":
      return kindOfObject(value);
    default:
      return "other";
  }
}

function kindOfObject(value: object | null): Kind {
  if (value === null) return "nil";
  if (Array.isArray(value) || value instanceof GoList) return "list";
  if (value instanceof Map || value instanceof GoMap) return "map";
  if (value instanceof GoStruct) return "struct";
  if (value instanceof SafeText) return "string";
  if (value instanceof GoEnum) return "int";
  if (value instanceof GoComplex) return "complex";
  return isNamed(value) ? value.goKind : "other";
}

export function typeName(value: TemplateValue): string {
  switch (kindOf(value)) {
    case "bool":
      return "bool";
    case "float":
      return "float64";
    case "complex":
      return "complex128";
    case "int":
      return value instanceof GoEnum || isNamed(value) ? value.typeName : "int";
    case "string":
      return value instanceof SafeText ? `template.${value.kind}` : "string";
    case "list":
      return value instanceof GoList ? value.typeName : "[]interface {}";
    case "map":
      return value instanceof GoMap ? value.typeName : "map[string]interface {}";
    case "struct":
      return value instanceof GoStruct || isNamed(value) ? value.typeName : "struct {}";
    case "func":
      return "func(...)";
    default:
      return "interface {}";
  }
}

export function itemsOf(value: TemplateValue): readonly TemplateValue[] | undefined {
  if (Array.isArray(value)) return value;
  return value instanceof GoList ? value.items : undefined;
}

export function entriesOf(value: TemplateValue): ReadonlyMap<string, TemplateValue> | undefined {
  if (value instanceof Map) return value;
  return value instanceof GoMap ? value.entries : undefined;
}

/** Keys in Go's printing and ranging order. */
export function sortedKeys(entries: ReadonlyMap<string, TemplateValue>): string[] {
  return [...entries.keys()].sort(compareStrings);
}

/** The text of a string kind, else undefined. */
export function stringOf(value: TemplateValue): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof SafeText ? value.text : undefined;
}

/** The integer of an int kind, else undefined. */
export function intOf(value: TemplateValue): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (value instanceof GoEnum) return value.value;
  if (isNamed(value) && value.goKind === "int" && "nanoseconds" in value) return value.nanoseconds as bigint;
  return undefined;
}

/** A method of this name on the value, if it has one. */
export function methodOf(value: TemplateValue, name: string): TemplateFunction | undefined {
  if (typeof value !== "object" || value === null || !("methods" in value)) return undefined;
  const methods = value.methods as Methods;
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}

/** Go's truth: false, 0, "", nil and empty lists and maps are false. */
export function isTrue(value: TemplateValue): boolean {
  switch (kindOf(value)) {
    case "invalid":
    case "nil":
      return false;
    case "bool":
      return value === true;
    case "int":
      return intOf(value) !== 0n;
    case "float":
      return value !== 0;
    case "complex":
      return value instanceof GoComplex && (value.real !== 0 || value.imaginary !== 0);
    case "string":
      return stringOf(value) !== "";
    case "list":
      return itemsOf(value)!.length > 0;
    case "map":
      return entriesOf(value)!.size > 0;
    default:
      return true;
  }
}

/** Decoded JSON as Go's encoding/json would hand it to a template: all numbers float64, objects maps. */
export function fromJson(value: unknown): TemplateValue {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value === "object" && value !== null) {
    return new Map(Object.entries(value).map(([key, item]) => [key, fromJson(item)]));
  }
  return value;
}
