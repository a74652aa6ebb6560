// Kills the writing process again and again, at any moment, and looks each time whether what it acknowledged is there
// and whether anything is there that was never written.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bitsOf, isStaleAt, Matcher } from "@storewatch/model";
import { openTsdb } from "../dist/index.js";
import {
  DELETED,
  INTERVAL_MS,
  RETENTION,
  RETENTION_MS,
  rowNames,
  rowValue,
  START_MS,
  sampleNames,
  sampleValue,
  TARGETS,
} from "./plan.mjs";

const CHILD = fileURLToPath(new URL("./child.mjs", import.meta.url));

/** Runs `rounds` kills; throws on the first fault. Returns the number of steps written and of samples compared. */
export async function killRounds(rounds, random, log = () => {}) {
  const dataDir = mkdtempSync(join(tmpdir(), "storewatch-kill-"));
  let step = 0;
  let compared = 0;
  // Steps that were under way at a kill: they may be there in part.
  const halfDone = new Set();
  // Deletions that were acknowledged, and those that were begun: in between samples may be there or not.
  const deletion = { done: 0, begun: 0 };
  for (let round = 1; round <= rounds; round++) {
    const acked = await runAndKill(dataDir, step, 30 + random() * 600, deletion);
    const checked = await check(dataDir, acked, halfDone, deletion);
    compared += checked.samples;
    step = checked.lastStep;
    for (let half = acked + 1; half <= step; half++) halfDone.add(half);
    log(
      `round ${round}: acknowledged to step ${acked}, found to step ${checked.lastStep}, ${checked.samples} samples, ${checked.blocks} blocks`,
    );
  }
  rmSync(dataDir, { recursive: true });
  return { steps: step, compared };
}

/** Kills the child `delayMs` after it has opened the store (a tenth of the time: while it opens it). */
function runAndKill(dataDir, fromStep, delayMs, deletion) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, dataDir, String(fromStep)], { stdio: ["ignore", "pipe", "inherit"] });
    let acked = fromStep;
    let buffered = "";
    let fault = "";
    const kill = () => child.kill("SIGKILL");
    if (delayMs < 90) setTimeout(kill, delayMs * 3);
    child.stdout.on("data", (data) => {
      buffered += data;
      const lines = buffered.split("\n");
      buffered = lines.pop();
      for (const line of lines) {
        if (line === "open") setTimeout(kill, delayMs);
        else if (line.startsWith("ack ")) acked = Number(line.slice(4));
        else if (line.startsWith("deleting ")) deletion.begun = Number(line.slice(9));
        else if (line.startsWith("deleted ")) deletion.done = Number(line.slice(8));
        else fault ||= line;
      }
    });
    child.on("close", (_code, signal) => {
      if (fault !== "") reject(new Error(`the child says: ${fault}`));
      else if (signal !== "SIGKILL") reject(new Error("the child ended by itself"));
      else resolve(acked);
    });
  });
}

async function check(dataDir, acked, halfDone, deletion) {
  const problems = [];
  const nowMs = START_MS + acked * INTERVAL_MS;
  const clock = { nowMs: () => nowMs, monotonicMs: () => 0, setTimer: () => ({ cancel: () => {} }) };
  const tsdb = await openTsdb({ dataDir, clock, retention: RETENTION, onProblem: (p) => problems.push(p) });
  try {
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    const found = new Map();
    let samples = 0;
    let lastStep = 0;
    for (const series of tsdb.select([new Matcher("=~", "__name__", ".+")], 0, 2 ** 49)) {
      samples += series.timesMs.length;
      lastStep = Math.max(lastStep, Math.floor((series.timesMs[series.timesMs.length - 1] - START_MS) / INTERVAL_MS));
      found.set(String(series.labels), checkSeries(series));
    }
    const firstStep = Math.max(1, Math.ceil((nowMs - RETENTION_MS - START_MS) / INTERVAL_MS));
    for (let step = firstStep; step <= acked; step++) if (!halfDone.has(step)) expectStep(found, step, deletion);
    const gone = found.get(`${DELETED.name}{target="${DELETED.target}"}`);
    for (const step of gone ?? []) if (step <= deletion.done) throw new Error(`deleted, and there again: step ${step}`);
    checkIntervals(tsdb, firstStep, acked);
    return { samples, lastStep: Math.max(acked, lastStep), blocks: tsdb.stats().blocks };
  } finally {
    await tsdb.close();
  }
}

/** Each sample must be what the plan says; returns the steps that have one. */
function checkSeries(series) {
  const bits = bitsOf(series.values);
  const name = series.labels.get("__name__");
  const target = series.labels.get("target");
  const steps = new Set();
  for (let i = 0; i < series.timesMs.length; i++) {
    const offset = series.timesMs[i] - START_MS - (target === "" ? 1 : 0);
    const step = offset / INTERVAL_MS;
    const where = `${series.labels} at step ${step}`;
    if (!Number.isInteger(step) || (i > 0 && series.timesMs[i] <= series.timesMs[i - 1]))
      throw new Error(`${where}: a time that nobody wrote`);
    const planned = target === "" ? sampleNames(step).includes(name) : rowNames(Number(target), step).includes(name);
    if (isStaleAt(bits, i)) {
      if (planned || target === "") throw new Error(`${where}: a marker that is none`);
      continue;
    }
    if (!planned) throw new Error(`${where}: a sample that nobody wrote`);
    const expected = target === "" ? sampleValue(name, step) : rowValue(name, Number(target), step);
    if (!Object.is(series.values[i], expected)) throw new Error(`${where}: ${series.values[i]} instead of ${expected}`);
    steps.add(step);
  }
  return steps;
}

/** Whole hours counted from intervals have as many samples as counted one by one. */
function checkIntervals(tsdb, firstStep, lastStep) {
  const hourMs = 3_600_000;
  const fromMs = Math.ceil((START_MS + firstStep * INTERVAL_MS) / hourMs) * hourMs;
  const toMs = Math.floor((START_MS + lastStep * INTERVAL_MS) / hourMs) * hourMs;
  if (toMs <= fromMs) return;
  const matchers = [new Matcher("=~", "__name__", "steady_total|gauge|zero")];
  const hints = { stepMs: hourMs, rangeMs: hourMs, func: "count_over_time" };
  const counted = new Map();
  for (const { labels, timesMs, counts } of tsdb.select(matchers, fromMs + 1, toMs, { hints })) {
    counted.set(String(labels), counts ? counts.reduce((sum, n) => sum + n, 0) : timesMs.length);
  }
  for (const { labels, timesMs } of tsdb.select(matchers, fromMs + 1, toMs)) {
    const count = counted.get(String(labels));
    if (count !== timesMs.length) throw new Error(`${labels}: intervals count ${count} of ${timesMs.length} samples`);
  }
}

function expectStep(found, step, deletion) {
  for (let t = 0; t < TARGETS; t++) {
    for (const name of rowNames(t, step)) {
      if (name === DELETED.name && t === DELETED.target && step <= deletion.begun) continue;
      if (!found.get(`${name}{target="${t}"}`)?.has(step))
        throw new Error(`lost: ${name} of target ${t} at step ${step}`);
    }
  }
  for (const name of sampleNames(step)) {
    if (!found.get(`${name}{kind="pushed"}`)?.has(step)) throw new Error(`lost: ${name} at step ${step}`);
  }
}
