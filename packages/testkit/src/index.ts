export { FakeClock } from "./clock.ts";
export { seededRandom } from "./rng.ts";
