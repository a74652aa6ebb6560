export { CONTENT_DIR, type DemoConfigFiles } from "./render-config.ts";
export { type Demo, type DemoOptions, startDemo } from "./start-demo.ts";
