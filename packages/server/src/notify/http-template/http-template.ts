// Any HTTP service: address, headers and body are templates. Our own kind, `http_configs`.
import type { HttpReceiverConfig } from "../../alerts/config/index.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { createHttpIntegration, MessageError, type Plan } from "../http-integration.ts";
import type { Integration } from "../interface.ts";
import { maskedUrl, urlSecrets } from "../masking.ts";
import type { Renderer } from "../renderer.ts";
import { renderedSecret } from "../secret-text.ts";

/** More than any chat takes; a template that runs wild is stopped here. */
const BODY_BYTES_MAX = 1024 * 1024;

export function createHttpTemplate(config: HttpReceiverConfig, deps: IntegrationDependencies): Integration {
  const { method, contentType } = config;
  const hasBody = method !== "GET" && method !== "DELETE";
  return createHttpIntegration(config, deps, {
    kind: "http",
    describe: async () => `${method} ${maskedUrl(await config.url.reveal())}`,
    fixedTarget: config.fixedUrl,
    async plan(render, data): Promise<Plan> {
      const url = await renderedSecret(render, "url", config.url);
      if (url === "") throw new MessageError("the URL is empty after templating");
      const headers = headersOf(config, render);
      return {
        target: `${method} ${maskedUrl(url)}`,
        subject: `${data.status}: ${data.alerts.length} alert${data.alerts.length === 1 ? "" : "s"}`,
        exchanges: [{ method, url, headers, ...(hasBody && { body: bodyOf(config, render), contentType }) }],
        secrets: [...urlSecrets(url), ...secretHeaders(headers)],
      };
    },
  });
}

function secretHeaders(headers: Readonly<Record<string, string>>): string[] {
  const isSecret = (name: string) => /auth|token|key|secret|cookie|signature|password/.test(name);
  return Object.entries(headers).flatMap(([name, value]) => (isSecret(name) ? value.split(" ") : []));
}

/** A line break in a rendered value would start a header of the alert's choosing. */
function headersOf(config: HttpReceiverConfig, render: Renderer): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config.headers).map(([name, value]) => [
      name.toLowerCase(),
      render
        .text(`header ${name}`, value)
        .replaceAll(/[\r\n\0]+/g, " ")
        .trim(),
    ]),
  );
}

/** Throws MessageError for what the other side would refuse, with the reason that it would not tell. */
function bodyOf(config: HttpReceiverConfig, render: Renderer): string {
  const body = render.text("body", config.texts.body);
  if (Buffer.byteLength(body) > BODY_BYTES_MAX) {
    throw new MessageError(`the body is larger than ${BODY_BYTES_MAX} bytes`);
  }
  if (!/^application\/(.+\+)?json\b/i.test(config.contentType)) return body;
  try {
    JSON.parse(body);
    return body;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MessageError(`the body template makes no JSON (texts want \`| toJson\`): ${reason}`);
  }
}
