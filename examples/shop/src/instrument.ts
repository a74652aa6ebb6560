// Loaded before the shop service (`node --import`), where there is somewhere to send errors or traces to: both put their
// probes into modules as these are loaded.
import { startTracing } from "@storewatch/sdk/otel";
import { initSentry } from "@storewatch/sdk/sentry";

const { SENTRY_DSN: dsn, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, NODE_ENV: environment } = process.env;
const { version } = JSON.parse(process.argv[2] ?? "{}") as { version?: string };
const about = { service: "shop", version, environment };
startTracing({ ...about, endpoint });
// With both, spans go the one way and errors the other.
initSentry({ ...about, dsn, ...(endpoint ? { tracesSampleRate: false } : {}) });
