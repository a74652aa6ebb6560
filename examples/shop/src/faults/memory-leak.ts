import type { RequestHandler } from "express";
import type { FaultSwitches } from "./switches.ts";

const LEAK_CHUNK_BYTES = 128 * 1024;
const LEAK_MAX_BYTES = 200 * 1024 * 1024;

/** The fault `memory-leak`: what a cache without a bound does. Bounded here, and freed when the fault ends. */
export function leakMemory(faults: FaultSwitches): RequestHandler {
  const kept: Uint8Array[] = [];
  faults.onChange((fault, _tenant, on) => {
    if (fault === "memory-leak" && !on) kept.length = 0;
  });
  return (_request, response, next) => {
    const full = kept.length * LEAK_CHUNK_BYTES >= LEAK_MAX_BYTES;
    // Filled with ones, because untouched pages would not count as resident.
    if (!full && faults.isOn("memory-leak", response.locals.tenant?.id)) kept.push(chunkOfOwnPages().fill(1));
    next();
  };
}

/**
 * Resizable buffers have pages of their own, which go back to the system when they are freed. malloc, which Buffer uses,
 * often keeps chunks of this size for itself: the process then stays large for ever, and its alert firing.
 */
function chunkOfOwnPages(): Uint8Array {
  // The compiler's library is older than the second argument.
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;
  return new Uint8Array(new Resizable(LEAK_CHUNK_BYTES, { maxByteLength: LEAK_CHUNK_BYTES }));
}
