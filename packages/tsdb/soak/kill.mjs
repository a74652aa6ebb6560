// `npm run soak -- tsdb [ROUNDS]`: the long form of the kill test.
import { killRounds } from "./rounds.mjs";

const rounds = Number(process.argv[2] ?? 300);
const result = await killRounds(rounds, Math.random, (line) => console.log(line));
console.log(
  `${rounds} kills, ${result.steps} steps, ${result.compared} samples compared: nothing lost, nothing invented`,
);
