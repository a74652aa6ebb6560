import type { Secret } from "../alerts/config/index.ts";
import { TemplateError } from "../template/index.ts";
import { maskedUrl } from "./masking.ts";
import type { Renderer } from "./renderer.ts";

/** A secret that may be a template. What goes wrong in it is told without its text. */
export async function renderedSecret(render: Renderer, what: string, secret: Secret): Promise<string> {
  const text = await secret.reveal();
  try {
    return render.text(what, text).trim();
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateError(`failed to template ${what}`);
    throw error;
  }
}

/** Scheme and host of a secret URL, for showing. */
export async function describedUrl(secret: Secret): Promise<string> {
  return maskedUrl(await secret.reveal());
}
