// From what a logger was given to the fields of a line, or to no line at all. Shared by winston and pino.
import { AsyncResource } from "node:async_hooks";
import { currentContext } from "../context/store.ts";
import type { Storewatch } from "../storewatch.ts";
import { LineCounts } from "./line-counts.ts";
import { contextFields, type LineFields, withValidTenant } from "./line-fields.ts";
import { type Admission, LineGate, type LineGateOptions } from "./line-gate.ts";
import { type RedactionOptions, Redactor } from "./redaction/redactor.ts";

export interface LineOptions extends LineGateOptions {
  /** What is masked in lines; `false`: nothing. Default: secrets, cards, e-mail addresses. */
  readonly redact?: RedactionOptions | false;
}

/** What floods lost is said this often at most. */
const SUMMARY_MS = 1000;

export class LineMaker {
  readonly counts: LineCounts;
  private readonly redactor: Redactor;
  private readonly gate: LineGate;
  private readonly outside = new AsyncResource("StorewatchLogs");
  private timer: NodeJS.Timeout | undefined;
  private sayLeftOut: (message: string, fields: LineFields) => void = () => undefined;

  constructor(sw: Storewatch, options: LineOptions, random: () => number = Math.random) {
    this.counts = new LineCounts(sw);
    this.redactor = new Redactor(options.redact);
    this.gate = new LineGate(options, { clock: sw.clock, random });
  }

  /** Asked before anything is copied: a line that is left out costs next to nothing. */
  admit(level: string): Admission {
    const context = currentContext();
    const admission = this.gate.ask({ level, tenantId: context?.tenantId, requestId: context?.requestId });
    if (!admission.kept) {
      this.counts.left(admission.reason);
      if (admission.reason === "flood") this.summaryLater();
    }
    return admission;
  }

  /** Who writes the line on what floods lost. */
  onLeftOut(say: (message: string, fields: LineFields) => void): void {
    this.sayLeftOut = say;
  }

  /** Says at once what floods lost: the service stops. */
  summary(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const { tenantId, lines } of this.gate.takeLeftOut())
      this.sayLeftOut(`${lines} log lines left out`, {
        ...(tenantId === undefined ? {} : { tenantId }),
        linesLeftOut: lines,
      });
  }

  private summaryLater(): void {
    if (this.timer !== undefined) return;
    // Not in the request that was one too many: the line is about all of the tenant's.
    this.timer = this.outside.runInAsyncScope(() => setTimeout(() => this.summary(), SUMMARY_MS));
    this.timer.unref();
  }

  message(text: unknown): string {
    return typeof text === "string" ? this.redactor.text(text) : this.redactor.text(textOf(this.redactor.fields(text)));
  }

  redacted(value: unknown): unknown {
    return this.redactor.fields(value);
  }

  /** The line's own fields, redacted, with those of the context; never throws. */
  fields(given: readonly unknown[], admission: Admission & { kept: true }): LineFields {
    const fields = contextFields();
    const { tenantId } = fields;
    for (const part of given) this.addPart(fields, part);
    if (admission.oneIn > 1) fields.sampledOneIn = admission.oneIn;
    return withValidTenant(fields, tenantId);
  }

  /** Objects give their fields; an error is a field of its own, and its stack is the line's. */
  private addPart(fields: LineFields, part: unknown): void {
    if (part === undefined || part === null) return;
    const copy = this.redactor.fields(part);
    if (isError(part)) {
      const error = copy as LineFields;
      fields.error = error;
      if (isFields(error) && error.stack !== undefined) fields.stack = stackWithCauses(error);
    } else if (isFields(copy) && !Array.isArray(copy)) Object.assign(fields, copy);
    else fields.details = [...((fields.details as unknown[] | undefined) ?? []), copy];
  }
}

function isError(value: unknown): boolean {
  try {
    return value instanceof Error;
  } catch {
    return false;
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
