// The files that pages load, all from the shop's own address.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Router } from "express";
import type { FaultSwitches } from "../faults/switches.ts";
import { HttpProblem } from "../problems.ts";

/** The fault `slow-page`: a script of this size that takes this long to be made. */
const HEAVY_BYTES = 1_500_000;
const HEAVY_MS = 2500;

export function assetRoutes(faults: FaultSwitches): Router {
  const router = Router();
  const style = readFileSync(new URL("../../public/shop.css", import.meta.url));
  const script = browserScript();

  router.get("/assets/shop.css", (_request, response) => {
    response.setHeader("cache-control", "public, max-age=3600");
    response.type("css").send(style);
  });

  router.get("/assets/storewatch.js", (_request, response) => {
    if (!script) throw new HttpProblem(404, "the SDK's browser script is not built: npm run build");
    response.setHeader("cache-control", "public, max-age=3600");
    response.type("js").send(script);
  });

  router.get("/assets/recommendations.js", async (_request, response) => {
    const { tenant } = response.locals;
    response.setHeader("cache-control", "no-store");
    response.type("js");
    if (!faults.isOn("slow-page", tenant?.id)) return void response.send("");
    await new Promise((resolve) => setTimeout(resolve, HEAVY_MS));
    response.send(`var recommendations = ${JSON.stringify("x".repeat(HEAVY_BYTES))};`);
  });
  return router;
}

function browserScript(): Buffer | undefined {
  try {
    return readFileSync(createRequire(import.meta.url).resolve("@storewatch/sdk/browser/script"));
  } catch {
    return undefined;
  }
}
