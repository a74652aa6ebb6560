import { expect, test } from "vitest";
import { maskedConfig } from "./masked-config.ts";

test("what is secret in a Prometheus file is not shown, the rest is", () => {
  const text = maskedConfig(`# password: in-a-comment
global: { scrape_interval: 15s } # hush-1
scrape_configs:
  - job_name: shops
    basic_auth: { username: me, password: hush-2 }
    authorization: { credentials: hush-3 }
    oauth2: { client_id: id, client_secret: hush-4 }
    http_headers: { X-Key: { values: [hush-5], secrets: [hush-6] } }
    proxy_url: http://user:hush-7@proxy:3128/
    params: { token: [hush-8] }
    tls_config: { key: "hush-9", key_file: shown.pem }
    static_configs: [{ targets: ["a:1"] }]
remote_write:
  - url: http://name:hush-10@remote/api
    bearer_token: &token hush-11
    headers: { X-Scope-OrgID: hush-12 }
`);
  expect(text).not.toMatch(/hush|in-a-comment/);
  expect(text.match(/<secret>/g)?.length).toBeGreaterThanOrEqual(9);
  for (const shown of [
    "scrape_interval: 15s",
    "username: me",
    "client_id: id",
    "key_file: shown.pem",
    "proxy:3128",
    "a:1",
  ])
    expect(text).toContain(shown);
});

test("a file that cannot be read shows nothing", () => {
  expect(maskedConfig("a: [")).toBe("");
});
