export { type HealthState, healthRoutes, type OperationRouteOptions, operationRoutes } from "./health.ts";
export {
  createHttpServer,
  type HttpAddress,
  type HttpServer,
  type HttpServerOptions,
  type ServedRoute,
} from "./server.ts";
export { createStreamHub, type StreamHub, streamRoutes } from "./stream.ts";
