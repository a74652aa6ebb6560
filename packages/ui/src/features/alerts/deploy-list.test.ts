import { expect, test } from "vitest";
import { alertDeploysPath, isWebUrl } from "./deploy-list.ts";

test("asks by the alert's start and the labels that it has", () => {
  const f = (labels: Record<string, string>, query: string) =>
    expect(alertDeploysPath(1_700_000_000_000.7, labels)).toBe(
      `/api/storewatch/v1/deploys?start=1700000000000${query}`,
    );
  f({ alertname: "Down" }, "");
  f({ job: "pods", service: "shop", tenant_id: "acme", severity: "critical" }, "&service=shop&job=pods&tenant=acme");
  f({ job: "a&b=c", service: "" }, "&job=a%26b%3Dc");
});

test("only what leads to the web is a link", () => {
  const f = (text: string, expected: boolean) => expect(isWebUrl(text), text).toBe(expected);
  f("https://ci.example/7", true);
  f("HTTP://ci.example/7", true);
  f("javascript:alert(1)", false);
  f(" https://ci.example", false);
  f("data:text/html,x", false);
  f("//ci.example", false);
  f("https://", false);
});
