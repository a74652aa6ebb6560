// Why a page could not be had, in words for the targets page.

export class FetchError extends Error {
  constructor(
    message: string,
    readonly outcome: "timeout" | "connect" | "status" | "content" | "limit" = "connect",
    /** Of the answer, where that is what is wrong. */
    readonly status?: number,
  ) {
    super(message);
  }
}

export function describeSocketError(error: NodeJS.ErrnoException): string {
  const inner = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  if (inner.code === "ECONNREFUSED") return `connection refused (${inner.message})`;
  if (inner.code === "ENOTFOUND") return `no such host (${inner.message})`;
  return inner.message || String(inner.code);
}
