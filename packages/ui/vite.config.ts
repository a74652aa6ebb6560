import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server under development, or the mock of dev/mock.ts.
const backend = process.env.STOREWATCH_URL ?? "http://127.0.0.1:24700";

export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ["@storewatch/source", "browser", "module", "import", "default"] },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    // Nothing inline: the content security policy allows scripts and images of the own origin only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { port: 24800, proxy: { "/api": backend, "/health": backend } },
});
