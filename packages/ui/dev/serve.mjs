// node dev/serve.mjs [PORT] [calm] — the mock server, with the built app if there is one. Vite compiles the TypeScript.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const vite = await createServer({
  root: resolve(here, ".."),
  configFile: false,
  logLevel: "error",
  appType: "custom",
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true, include: [] },
  resolve: { conditions: ["@storewatch/source", "node", "import", "default"] },
  ssr: {
    resolve: { conditions: ["@storewatch/source", "node", "import", "default"] },
    noExternal: [/^@storewatch\//, "storewatch"],
  },
});
const { startMock } = await vite.ssrLoadModule("/dev/mock.ts");
await startMock(Number(process.argv[2] ?? 24700), {
  calm: process.argv.includes("calm"),
  uiDir: resolve(here, "../dist"),
  content: resolve(here, "../../server/content/dashboards"),
  rules: resolve(here, "../../server/content/rules"),
  extra: process.env.EXTRA_DASHBOARDS,
});
