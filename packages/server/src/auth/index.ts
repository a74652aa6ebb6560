export { ensureAdminToken } from "./admin-token.ts";
export { type AuthOptions, createAuth, storeToken } from "./auth.ts";
export type { Auth, Credentials, SignedIn } from "./interface.ts";
export { allows, defaultAccess, isReadOnly } from "./rights.ts";
export { type AuthRouteOptions, authRoutes } from "./route.ts";
