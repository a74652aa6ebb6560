// Go's text/template, written by us: lexer, parser, executor. Used by rules (Prometheus' functions) and notify
// (Alertmanager's functions).

/** A template failed to parse or to execute; the text follows Go's where it is practical. */
export class TemplateError extends Error {}

/** A function that templates may call. Arguments are template values; throw TemplateError to fail the execution. */
export type TemplateFunction = (...args: TemplateValue[]) => TemplateValue;

/**
 * Values inside templates. Go keeps int and float64 apart: an int is a bigint, a float64 a number.
 * Maps print as map[...] with sorted keys; structs are objects of class GoStruct with fields and methods.
 */
export type TemplateValue = unknown;

export interface TemplateSet {
  /** Adds `{{ define }}`d templates of a text (a template file). */
  add(name: string, text: string): void;
  /** Executes a text with `data` as dot; `html` turns on contextual HTML escaping. Throws TemplateError. */
  execute(name: string, text: string, data: TemplateValue, options?: { readonly html?: boolean }): string;
}
