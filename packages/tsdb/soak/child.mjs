// The victim of the kill test: writes rows and samples as fast as it can, seals and drops on the way, and tells after
// each acknowledged append how far it has come. Every value follows from its series and step, so that the parent can
// tell what must be there. Usage: node child.mjs DIR FIRST_STEP
import { Labels, Matcher } from "@storewatch/model";
import { openTsdb } from "../dist/index.js";
import {
  DELETED,
  INTERVAL_MS,
  RETENTION,
  rowNames,
  rowValue,
  START_MS,
  sampleNames,
  sampleValue,
  TARGETS,
} from "./plan.mjs";

const [dataDir, firstStep] = process.argv.slice(2);
let step = Number(firstStep);
const clock = {
  nowMs: () => START_MS + step * INTERVAL_MS,
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
const tsdb = await openTsdb({
  dataDir,
  clock,
  retention: RETENTION,
  syncIntervalMs: 20,
  onProblem: (problem) => process.stdout.write(`problem ${JSON.stringify(problem)}\n`),
});
process.stdout.write("open\n");
const COLUMNS_MAX = 28;
let deleting = Promise.resolve();

async function deleteSome(untilStep) {
  const matchers = [new Matcher("=", "__name__", DELETED.name), new Matcher("=", "target", String(DELETED.target))];
  process.stdout.write(`deleting ${untilStep}\n`);
  await tsdb.delete(matchers, 0, START_MS + untilStep * INTERVAL_MS);
  process.stdout.write(`deleted ${untilStep}\n`);
}

const writers = Array.from({ length: TARGETS }, (_, t) => tsdb.openRows(`target-${t}`));
let maintaining = Promise.resolve();
for (;;) {
  step++;
  const timeMs = START_MS + step * INTERVAL_MS;
  for (let t = 0; t < TARGETS; t++) {
    const writer = writers[t];
    writer.begin();
    for (const name of rowNames(t, step)) {
      const column = writer.column(Labels.from({ __name__: name, target: String(t) }));
      writer.row[writer.base + column] = rowValue(name, t, step);
    }
    if (!writer.commit(timeMs)) process.stdout.write(`problem row refused at step ${step}\n`);
    // As the scrape loop does it where series come and go.
    if (writer.columns > COLUMNS_MAX) writer.compact();
  }
  const samples = sampleNames(step).map((name) => ({
    labels: Labels.from({ __name__: name, kind: "pushed" }),
    timeMs: timeMs + 1,
    value: sampleValue(name, step),
  }));
  const result = await tsdb.append(samples);
  if (result.appended !== samples.length) process.stdout.write(`problem ${JSON.stringify(result)} at step ${step}\n`);
  process.stdout.write(`ack ${step}\n`);
  if (step % DELETED.everySteps === 0) {
    await deleting;
    deleting = deleteSome(step - DELETED.behindSteps);
  }
  if (step % 20 === 0) {
    await maintaining;
    maintaining = tsdb.maintain();
  }
}
