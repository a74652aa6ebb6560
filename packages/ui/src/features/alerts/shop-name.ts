import { useQuery } from "@tanstack/react-query";
import { tenantsQuery } from "../../api/queries.ts";

/** The name that people know a shop by; its id where none is known. */
export function useShopName(): (id: string) => string {
  const tenants = useQuery(tenantsQuery).data ?? [];
  return (id) => tenants.find((tenant) => tenant.id === id)?.name ?? id;
}
