// OpenAPI of our own API, from the zod schemas of its routes.
import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform } from "fastify-type-provider-zod";

const OWN = "/api/storewatch/v1/";

/** Must be there before the routes that it describes. */
export async function addOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Storewatch", description: "The API of the Storewatch web app.", version },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: (route) => {
      const isOwn = route.url.startsWith(OWN) && !route.url.endsWith("/openapi.json");
      return isOwn ? jsonSchemaTransform(route) : { schema: { hide: true }, url: route.url };
    },
  });
  let text: string | undefined;
  app.get(`${OWN}openapi.json`, { config: { access: "viewer" } }, async (_, reply) => {
    // Made at the first request: it costs tens of ms and most processes are never asked.
    text ??= JSON.stringify(app.swagger());
    return reply.type("application/json; charset=utf-8").send(text);
  });
}
