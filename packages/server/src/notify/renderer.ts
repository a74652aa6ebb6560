// Templates of receivers over one notification.
import type { LabelRecord, NotificationData } from "@storewatch/model";
import { notificationTemplateData, TemplateError, type TemplateSet } from "../template/index.ts";

export interface Renderer {
  /** `what` names the setting in error messages. Throws TemplateError. */
  text(what: string, template: string): string;
  html(what: string, template: string): string;
  /** The labels of the route, rendered; the error in the place of one that fails. */
  routeLabels(): LabelRecord;
}

export function createRenderer(templates: TemplateSet, data: NotificationData): Renderer {
  const dot = notificationTemplateData(data);
  const run = (what: string, template: string, html: boolean) => {
    // Most settings are plain text.
    if (template === "") return "";
    try {
      return templates.execute("", template, dot, { html });
    } catch (error) {
      if (error instanceof TemplateError) throw new TemplateError(`execute ${what} template: ${error.message}`);
      throw error;
    }
  };
  const text = (what: string, template: string) => (template.includes("{{") ? run(what, template, false) : template);
  const routeLabel = (name: string, template: string) => {
    try {
      return text(`route label ${name}`, template);
    } catch (error) {
      if (error instanceof TemplateError) return `<error: ${error.message}>`;
      throw error;
    }
  };
  return {
    text,
    html: (what, template) => run(what, template, true),
    routeLabels: () =>
      Object.fromEntries(
        Object.entries(data.routeLabels ?? {}).map(([name, template]) => [name, routeLabel(name, template)]),
      ),
  };
}
