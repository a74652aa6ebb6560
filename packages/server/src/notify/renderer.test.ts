import { expect, it } from "vitest";
import { createRenderer } from "./renderer.ts";
import { loadTemplates } from "./templates.ts";
import { notification } from "./testing/notification.ts";

const templates = await loadTemplates([], { nowMs: () => 0 });
const render = createRenderer(
  templates,
  notification({
    routeLabels: {
      team: "checkout",
      reason: "{{ .GroupLabels.alertname }}",
      title: '{{ routeLabels "reason" }} <{{ routeLabels "team" }}>',
      loop: '{{ routeLabels "loop" }}',
      broken: "{{ .Nothing }}",
    },
    reason: "repeat interval elapsed",
  }),
);

it("route labels are templates over the notification, and may use each other", () => {
  expect(render.text("x", '{{ routeLabels "title" }}, {{ routeLabels "none" }}.')).toBe("HighErrorRate <checkout>, .");
  expect(render.html("x", '<b>{{ routeLabels "title" }}</b>')).toBe("<b>HighErrorRate &lt;checkout&gt;</b>");
  expect(render.text("x", "{{ .RouteLabels.team }}: {{ .NotificationReason }}")).toBe(
    "checkout: repeat interval elapsed",
  );
});

it("a route label that fails does not keep the others from being told", () => {
  expect(() => render.text("x", '{{ routeLabels "loop" }}')).toThrow("too deeply");
  expect(render.routeLabels()).toMatchObject({
    team: "checkout",
    title: "HighErrorRate <checkout>",
    loop: expect.stringContaining("too deeply"),
    broken: expect.stringContaining("Nothing"),
  });
});
