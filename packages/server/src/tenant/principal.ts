import type { TenantScope } from "@storewatch/model";
import type {} from "fastify";

export const ROLES = ["admin", "editor", "viewer", "ingest", "scrape"] as const;
export type Role = (typeof ROLES)[number];

/** Who asks, and what they may touch. Made by auth, carried by every authorised request. */
export interface Principal {
  readonly name: string;
  readonly role: Role;
  readonly scope: TenantScope;
  /** How they signed in; changes by cookie or anonymously need same-origin. */
  readonly via: "cookie" | "token" | "anonymous";
}

/**
 * What a route needs, declared at the route: `{ config: { access: "editor" } }`. Without it: GET and HEAD need
 * viewer, all else editor. `open` needs no credential. admin ⊃ editor ⊃ viewer; ingest and scrape stand apart
 * (admin may do both). `mark` is for editors and for ingest: who writes samples with a `version` label makes a deploy
 * mark that way already, so a build machine needs no right to read.
 */
export type Access = "open" | "mark" | Role;

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
    /** Header in which clients of this route send the token, where it is not Authorization. In lower case. */
    tokenHeader?: string;
    /** An open route that pages of other sites are meant to send to: it must do nothing on a visitor's behalf. */
    anyOrigin?: boolean;
  }
  interface FastifyRequest {
    /** Set before any handler of a route that is not open. */
    principal: Principal;
  }
}
