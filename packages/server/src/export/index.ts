export { exportRoutes } from "./route.ts";
