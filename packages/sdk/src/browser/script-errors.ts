// Errors of the page's scripts: described, each once for a page view, cleaned of what a URL may carry.
import type { BrowserEvent } from "./beacon-queue.ts";

export type ErrorDescription = Omit<BrowserEvent, "page">;

const MESSAGE_MAX = 300;
const STACK_MAX = 1000;
/** Different errors of one page view: a script that fails on every frame is one error, not thousands. */
const ERRORS_MAX = 10;

/** Undefined: nothing that can be told. */
export function describeErrorEvent(event: ErrorEvent): ErrorDescription {
  // What another origin's script throws is hidden from the page, unless it is loaded with crossorigin and CORS.
  const isForeign = !event.filename && !event.error && /^script error\.?$/i.test(event.message);
  return {
    ...describeThrown(event.error, isForeign ? "foreign" : "error"),
    ...(event.message ? { message: clean(event.message, MESSAGE_MAX) } : {}),
    ...(event.filename ? { source: clean(event.filename, MESSAGE_MAX), line: event.lineno, column: event.colno } : {}),
  };
}

/** Whatever was thrown, also what is no Error and what cannot be printed. */
export function describeThrown(thrown: unknown, kind: BrowserEvent["kind"]): ErrorDescription {
  let message = "";
  let stack = "";
  try {
    const { name, message: text, stack: trace } = Object(thrown) as Partial<Error>;
    message = thrown instanceof Error ? `${name}: ${text}` : String(text ?? thrown);
    stack = String(trace ?? "");
  } catch {
    message = "an error that cannot be printed";
  }
  return { kind, message: clean(message, MESSAGE_MAX), ...(stack ? { stack: clean(stack, STACK_MAX) } : {}) };
}

/** Without the query and fragment of any URL in it: they hold searches, tokens and addresses. */
function clean(text: string, lengthMax: number): string {
  return text
    .slice(0, 4 * lengthMax)
    .replace(/(\w:\/\/[^\s?#"'<>()]*)[?#][^\s"'<>():]*/g, "$1")
    .slice(0, lengthMax);
}

/** Lets each error through once for a page view, and only so many. */
export class ErrorFilter {
  private readonly seen = new Set<string>();

  /** `ownScript`: what this very script does wrong is not the shop's error. */
  constructor(private readonly ownScript: string) {}

  isNew({ message, source, line, stack }: ErrorDescription): boolean {
    if (this.ownScript && (source ?? stack ?? "").includes(this.ownScript)) return false;
    const key = `${message}|${source}|${line}`;
    if (this.seen.has(key) || this.seen.size >= ERRORS_MAX) return false;
    this.seen.add(key);
    return true;
  }

  /** At the next page. */
  reset(): void {
    this.seen.clear();
  }
}
