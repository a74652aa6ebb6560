import { defineConfig } from "vitest/config";

// Unit tests sit beside the code; e2e holds tests of the built process with real clients.
// Two workers: the suite is meant for two cores.
export default defineConfig({
  resolve: { conditions: ["@storewatch/source", "import", "default"] },
  // Without "import": it would reach Node as a flag and make require() of CommonJS packages pick their ES modules.
  ssr: { resolve: { conditions: ["@storewatch/source", "node", "default"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "examples/*/src/**/*.test.ts", "tools/**/*.test.ts", "e2e/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
