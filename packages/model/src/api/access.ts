import { z } from "zod";

const tenants = z
  .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "no shop id"))
  .min(1)
  .max(1000)
  .nullable()
  .default(null)
  .describe("Shop ids; null = all shops");

/** POST /api/storewatch/v1/users (admin). */
export const newUserSchema = z.strictObject({
  name: z.string().trim().min(1).max(128),
  password: z.string().min(8, "at least 8 characters").max(512),
  role: z.enum(["admin", "editor", "viewer"]),
  tenants,
});
export type NewUser = z.infer<typeof newUserSchema>;

export const userSchema = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(["admin", "editor", "viewer"]),
  tenants: z.array(z.string()).nullable(),
  createdAtMs: z.number(),
});
export type UserView = z.infer<typeof userSchema>;
export const userListSchema = z.object({ users: z.array(userSchema) });

/** POST /api/storewatch/v1/tokens (admin). */
export const newTokenSchema = z.strictObject({
  name: z.string().trim().min(1).max(128),
  role: z.enum(["admin", "editor", "viewer", "ingest", "scrape"]),
  tenants,
});
export type NewToken = z.infer<typeof newTokenSchema>;

export const tokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(["admin", "editor", "viewer", "ingest", "scrape"]),
  tenants: z.array(z.string()).nullable(),
  createdAtMs: z.number(),
  createdBy: z.string(),
  lastUsedAtMs: z.number().nullable(),
});
export type TokenView = z.infer<typeof tokenSchema>;
export const tokenListSchema = z.object({ tokens: z.array(tokenSchema) });
/** The answer to a new token: the only time that the token itself is shown. */
export const createdTokenSchema = tokenSchema.extend({ token: z.string() });
