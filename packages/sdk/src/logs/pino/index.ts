export type { LineLogger, RequestLoggerOptions } from "../request-logger.ts";
export { requestLogger } from "../request-logger.ts";
export type { PinoOptions } from "./create-pino.ts";
export { createPino, lineLogger } from "./create-pino.ts";
