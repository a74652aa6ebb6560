// Tokens, cookies and sign-in links: random texts of which only the SHA-256 is stored. A slow hash would add nothing to
// 256 random bits.
import { createHash } from "node:crypto";
import { randomSecret } from "../kernel/rng.ts";

/** The prefix lets secret scanners find one that leaked. */
const TOKEN_PREFIX = "swt_";

export function newToken(): string {
  return TOKEN_PREFIX + randomSecret(32);
}

export function newId(): string {
  return randomSecret(12);
}

export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
