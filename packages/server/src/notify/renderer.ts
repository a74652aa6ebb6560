// Templates of receivers over one notification.
import type { NotificationData } from "@storewatch/model";
import { notificationTemplateData, TemplateError, type TemplateSet } from "../template/index.ts";

export interface Renderer {
  /** `what` names the setting in error messages. Throws TemplateError. */
  text(what: string, template: string): string;
  html(what: string, template: string): string;
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
  return {
    text: (what, template) => (template.includes("{{") ? run(what, template, false) : template),
    html: (what, template) => run(what, template, true),
  };
}
