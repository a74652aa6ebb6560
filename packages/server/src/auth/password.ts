// Passwords: argon2id with the parameters of OWASP's recommendation. The native module loads at the first use.

const MEMORY_KIB = 19_456;
const PASSES = 2;

const options = { memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: 1 };

export async function hashPassword(password: string): Promise<string> {
  const { hash } = await import("@node-rs/argon2");
  return hash(password, options);
}

let decoy: Promise<string> | undefined;

/** `hash` undefined (no such user) takes the same time and gives false, so that names cannot be probed. */
export async function verifyPassword(hash: string | undefined, password: string): Promise<boolean> {
  const { verify } = await import("@node-rs/argon2");
  if (hash !== undefined) return verify(hash, password);
  decoy ??= hashPassword("decoy");
  await verify(await decoy, password);
  return false;
}
