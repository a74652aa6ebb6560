// Target lists that a web service gives, as JSON in the form of target files.
import { z } from "zod";
import { ConfiguredHttp } from "../http/configured-http.ts";
import type { HttpDiscoveryConfig, TargetGroup } from "../prometheus-config.ts";
import type { Discovery, DiscoveryDeps } from "./interface.ts";
import { refreshing } from "./refreshing.ts";

const LIST_BYTES_MAX = 64 * 2 ** 20;

const groupSchema = z.object({
  targets: z.array(z.string()).nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
});
const listSchema = z.array(groupSchema).nullable();

export function httpDiscovery(config: HttpDiscoveryConfig, deps: DiscoveryDeps): Discovery {
  const http = new ConfiguredHttp(config.http, deps.http, deps.clock);
  const headers = {
    accept: "application/json",
    "user-agent": deps.userAgent,
    "x-prometheus-refresh-interval-seconds": String(config.refreshIntervalMs / 1000),
  };
  return refreshing({
    clock: deps.clock,
    intervalMs: config.refreshIntervalMs,
    onProblem: (message) => deps.onProblem(config.url, message),
    async read(signal) {
      const answer = await http.request({
        url: config.url,
        headers,
        timeoutMs: config.refreshIntervalMs,
        bodyLimitBytes: LIST_BYTES_MAX,
        signal,
      });
      if (answer.status !== 200) throw new Error(`server returned HTTP status ${answer.status}`);
      const type = String(answer.headers["content-type"] ?? "");
      if (!/^\s*application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type)) {
        throw new Error(`unsupported content type "${type}": application/json is wanted`);
      }
      return parseGroups(answer.body.toString("utf8"), config.url);
    },
  });
}

/** Throws with what is wrong and where. */
function parseGroups(text: string, url: string): TargetGroup[] {
  const parsed = listSchema.safeParse(JSON.parse(text));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0];
    throw new Error(`the list cannot be used: ${path.length > 0 ? `at ${path.join(".")}: ` : ""}${message}`);
  }
  return (parsed.data ?? []).map(({ targets, labels }) => ({
    targets: targets ?? [],
    labels: { ...labels, __meta_url: url },
  }));
}
