import { randomBytes } from "node:crypto";

/** Random numbers in [0, 1) for jitter and sampling; tests pass a seeded one. Never for secrets. */
export type Rng = () => number;

export const systemRng: Rng = () => Math.random();

/** A secret of `bytes` random bytes, as URL-safe text without padding. */
export function randomSecret(bytes = 32): string {
  return randomBytes(bytes).toString("base64url");
}

/** The smallest number that `randomNumericId` gives. */
export const RANDOM_ID_MIN = 2 ** 47;

/** An id of 48 bits, the highest of them set: unlike a count, it tells nothing of how many others there are. */
export function randomNumericId(): number {
  return RANDOM_ID_MIN + (randomBytes(6).readUIntBE(0, 6) % RANDOM_ID_MIN);
}
