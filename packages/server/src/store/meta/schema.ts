// Tables. Portable types only: text, integer ms times, JSON as text.
import type { Generated } from "kysely";

export interface MetaTables {
  users: {
    id: string;
    name: string;
    password_hash: string;
    role: string;
    /** JSON array of shop ids, null = all. */
    tenants: string | null;
    created_at_ms: number;
  };
  tokens: {
    id: string;
    name: string;
    hash: string;
    role: string;
    tenants: string | null;
    created_at_ms: number;
    created_by: string;
    last_used_at_ms: number | null;
  };
  sessions: {
    hash: string;
    name: string;
    role: string;
    tenants: string | null;
    user_id: string | null;
    token_id: string | null;
    created_at_ms: number;
    expires_at_ms: number;
  };
  audit: { id: Generated<number>; at_ms: number; who: string; action: string; subject: string; detail: string };
  key_values: { key: string; value: string; expires_at_ms: number | null };
  schema_version: { version: number };
}
