// Monitoring is never in the way: what fails in here is counted and said, and the shop's request goes on.
import type { Warnings } from "./warnings.ts";

/** Parts of the SDK that can fail, as a label: a closed set, so that counting failures cannot flood. */
export type Part = "tenant" | "context" | "metrics" | "business" | "health" | "hooks" | "shutdown" | "logs";

export class Guard {
  private readonly warnings: Warnings;
  private readonly counts = new Map<Part, number>();

  constructor(warnings: Warnings) {
    this.warnings = warnings;
  }

  /** Runs `work`; when it throws, or what it returns rejects, the failure is noted and `otherwise` is the answer. */
  run<T>(part: Part, work: () => T, otherwise: T): T {
    try {
      const result = work();
      if (result instanceof Promise) result.catch((error: unknown) => this.failed(part, error));
      return result;
    } catch (error) {
      this.failed(part, error);
      return otherwise;
    }
  }

  failed(part: Part, error: unknown): void {
    this.counts.set(part, (this.counts.get(part) ?? 0) + 1);
    this.warnings.warn("storewatch: monitoring failed, the request goes on", { part, error: errorText(error) });
  }

  /** Failures so far, by part. */
  failures(): ReadonlyMap<Part, number> {
    return this.counts;
  }
}

const TEXT_MAX = 300;

/** A short text of anything that was thrown, also of what cannot be printed; passwords in URLs are masked. */
export function errorText(error: unknown): string {
  let text: string;
  try {
    text = error instanceof Error ? error.message || error.name : String(error);
  } catch {
    text = "an error that cannot be printed";
  }
  return text.slice(0, TEXT_MAX).replace(/(\w:\/\/)[^\s/@]*@/g, "$1***@");
}
