import { z } from "zod";

/** POST /api/storewatch/v1/session: sign in with a token, or with a user's name and password. Sets the cookie. */
export const signInSchema = z.union([
  z.strictObject({ token: z.string().min(1).max(512) }),
  z.strictObject({ user: z.string().min(1).max(128), password: z.string().min(1).max(512) }),
]);
export type SignIn = z.infer<typeof signInSchema>;

/** GET /api/storewatch/v1/session: who is signed in. `tenants` null = all shops. DELETE signs out. */
export const sessionSchema = z.object({
  name: z.string(),
  role: z.enum(["admin", "editor", "viewer"]),
  tenants: z.array(z.string()).nullable(),
  /** True in `storewatch demo`: the app then shows the local inbox. */
  demo: z.boolean(),
  version: z.string(),
});
export type Session = z.infer<typeof sessionSchema>;
