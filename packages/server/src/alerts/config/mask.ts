// The file as others may see it: YAML again, without comments (they could hold anything), secrets as `<secret>`.
import { stringify } from "yaml";
import { SECRET_MASK } from "./secret.ts";

const SECRET_KEY =
  /(^|_)(password|secret|token|token_id|api_key|service_key|routing_key|user_key|secret_key|credentials)$/;
const SECRET_KEYS = new Set(["slack_api_url", "webhook_url", "mattermost_webhook_url", "cert", "key", "ca", "secrets"]);
/** `url` and `api_url` are addresses elsewhere; here they are what lets one post. */
const SECRET_IN: Readonly<Record<string, readonly string[]>> = { slack_configs: ["api_url"] };

/** Maps of the user's own names: a label called "token" is no secret. */
const OPEN_MAPS = /^((source_|target_)?match(_re)?|labels|details|attributes|metadata|custom_fields)$/;

export function maskedText(data: unknown): string {
  return stringify(masked(data, ""), { lineWidth: 0 });
}

function masked(value: unknown, within: string): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(item, within));
  if (typeof value !== "object" || value === null) return value;
  // Our own kind: the original's tools read this text too and would refuse the whole of it.
  const entries = Object.entries(value).filter(([key]) => key !== "http_configs");
  return Object.fromEntries(
    entries.map(([key, inner]) => {
      if (OPEN_MAPS.test(key)) return [key, inner];
      if (key === "token_url" && typeof inner === "string") return [key, inner.replace(/\/\/[^@/]*@/, "//<secret>@")];
      const secret = SECRET_KEY.test(key) || SECRET_KEYS.has(key) || (SECRET_IN[within] ?? []).includes(key);
      if (secret && isScalar(inner)) return [key, inner === "" || inner === null ? inner : SECRET_MASK];
      if (key === "url" && within === "webhook_configs") return [key, maskedWebhook(inner)];
      if (key === "proxy_connect_header") return [key, maskedLists(inner)];
      if (key === "secrets" && Array.isArray(inner)) return [key, inner.map(() => SECRET_MASK)];
      if (key === "proxy_url" && typeof inner === "string") return [key, inner.replace(/\/\/[^@/]*@/, "//<secret>@")];
      return [key, masked(inner, key.endsWith("_configs") ? key : within)];
    }),
  );
}

/** amtool 0.25 reads the file back and wants a URL here, where later versions take `<secret>`. */
function maskedWebhook(url: unknown): unknown {
  if (typeof url !== "string" || url === "") return url;
  return URL.canParse(url) && /^https?:/.test(url) ? `${new URL(url).origin}/${SECRET_MASK}` : "http://secret.invalid/";
}

function maskedLists(record: unknown): unknown {
  if (typeof record !== "object" || record === null) return record;
  return Object.fromEntries(Object.keys(record).map((name) => [name, [SECRET_MASK]]));
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== "object";
}
