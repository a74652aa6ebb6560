// A file of the operator's as /api/v1/status/config shows it: without what is secret in it, and without its comments,
// because who comments a line out does not take the password out.
import { parse, stringify } from "yaml";

/** Keys whose values are secret wherever they stand in a Prometheus file. */
const SECRET_KEYS =
  /^(password|bearer_token|credentials|client_secret|secret_key|secret|secrets|token|auth_token|api_key|application_credential_secret|key|private_key|client_assertion)$/;
/** Headers may hold anything. */
const SECRET_MAPS = /^(http_headers|headers|proxy_connect_header)$/;
const SHOWN = "<secret>";

/** Empty when the text is no YAML. */
export function maskedConfig(text: string): string {
  try {
    const data: unknown = parse(text);
    return data === null || data === undefined ? "" : stringify(masked(data));
  } catch {
    return "";
  }
}

function masked(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/^(\w[\w+.-]*:\/\/[^/@\s:]*):[^/@\s]*@/, `$1:${SHOWN}@`);
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (SECRET_KEYS.test(key)) return [key, SHOWN];
      if (SECRET_MAPS.test(key) && typeof item === "object" && item !== null)
        return [key, Object.fromEntries(Object.keys(item).map((name) => [name, SHOWN]))];
      return [key, masked(item)];
    }),
  );
}
