import { randomBytes } from "node:crypto";

/** Random numbers in [0, 1) for jitter and sampling; tests pass a seeded one. Never for secrets. */
export type Rng = () => number;

export const systemRng: Rng = () => Math.random();

/** A secret of `bytes` random bytes, as URL-safe text without padding. */
export function randomSecret(bytes = 32): string {
  return randomBytes(bytes).toString("base64url");
}
