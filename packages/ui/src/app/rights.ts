import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "../api/queries.ts";

/** Silences: everybody but viewers. */
export function useMaySilence(): boolean {
  const session = useQuery(sessionQuery).data;
  return session !== undefined && session.role !== "viewer";
}

/** Rules and receivers belong to all shops: an editor of all of them. */
export function useMayEditRules(): boolean {
  const session = useQuery(sessionQuery).data;
  return session !== undefined && session.role !== "viewer" && session.tenants === null;
}
