// From what a logger was given to the fields of a line, or to no line at all. Shared by winston and pino.
import { currentContext } from "../context/store.ts";
import type { Storewatch } from "../storewatch.ts";
import { LineCounts } from "./line-counts.ts";
import { type LineFields, withContext } from "./line-fields.ts";
import { type Admission, LineGate, type LineGateOptions } from "./line-gate.ts";
import { type RedactionOptions, Redactor } from "./redaction/redactor.ts";

export interface LineOptions extends LineGateOptions {
  /** What is masked in lines; `false`: nothing. Default: secrets, cards, e-mail addresses. */
  readonly redact?: RedactionOptions | false;
}

/** A line as JSON takes no more room than this; its largest fields go first. */
const LINE_CHARS_MAX = 64 * 1024;

export class LineMaker {
  readonly counts: LineCounts;
  private readonly redactor: Redactor;
  private readonly gate: LineGate;

  constructor(sw: Storewatch, options: LineOptions, random: () => number = Math.random) {
    this.counts = new LineCounts(sw);
    this.redactor = new Redactor(options.redact);
    this.gate = new LineGate(options, { clock: sw.clock, random });
  }

  /** Asked before anything is copied: a line that is left out costs next to nothing. */
  admit(level: string): Admission {
    const context = currentContext();
    const admission = this.gate.ask({ level, tenantId: context?.tenantId, requestId: context?.requestId });
    if (!admission.kept) this.counts.left(admission.reason);
    return admission;
  }

  message(text: unknown): string {
    return typeof text === "string" ? this.redactor.text(text) : this.redactor.text(textOf(this.redactor.fields(text)));
  }

  redacted(value: unknown): unknown {
    return this.redactor.fields(value);
  }

  /** The line's own fields, redacted, with those of the context; never throws. */
  fields(given: readonly unknown[], admission: Admission & { kept: true }): LineFields {
    let fields: LineFields = {};
    for (const part of given) fields = { ...fields, ...this.partOf(part, fields) };
    if (admission.oneIn > 1) fields.sampledOneIn = admission.oneIn;
    if (admission.leftOut > 0) fields.linesLeftOut = admission.leftOut;
    return withContext(bounded(fields));
  }

  /** Objects give their fields; an error is a field of its own, and its stack is the line's. */
  private partOf(part: unknown, before: LineFields): LineFields {
    if (part === undefined || part === null) return {};
    const copy = this.redactor.fields(part);
    if (part instanceof Error) {
      const error = copy as LineFields;
      return { error, ...(error.stack === undefined ? {} : { stack: stackWithCauses(error) }) };
    }
    if (typeof copy === "object" && copy !== null && !Array.isArray(copy)) return copy as LineFields;
    return { details: [...((before.details as unknown[] | undefined) ?? []), copy] };
  }
}

/** As Node prints it: each cause below the error that it led to. */
function stackWithCauses(error: LineFields): string {
  const parts: string[] = [];
  for (let at: unknown = error; isFields(at) && parts.length < 8; at = at.cause)
    parts.push(String(at.stack ?? at.message ?? ""));
  return parts.join("\nCaused by: ");
}

function isFields(value: unknown): value is LineFields {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** The fields, without the largest while there is too much of them. */
function bounded(fields: LineFields): LineFields {
  // Most lines are small: their size is not looked at any closer than this.
  let size = 0;
  const sizes = Object.entries(fields).map(([name, value]) => {
    const chars =
      name.length + (typeof value === "string" ? value.length : typeof value === "object" ? textOf(value).length : 8);
    size += chars;
    return { name, chars };
  });
  if (size <= LINE_CHARS_MAX) return fields;
  const kept = { ...fields, truncated: true };
  for (const { name, chars } of sizes.sort((a, b) => b.chars - a.chars)) {
    if (size <= LINE_CHARS_MAX) break;
    (kept as LineFields)[name] = `[${chars} characters left out]`;
    size -= chars;
  }
  return kept;
}
