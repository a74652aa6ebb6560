import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

test("one waiter goes on in each round of the event loop, urgent ones first, all in the end", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const perRound: number[] = [];
  let inRound = 0;
  let isDone = false;
  const rounds = (async () => {
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      perRound.push(inRound);
      inRound = 0;
    }
  })();
  const wait = async (name: string, isUrgent: boolean) => {
    for (let i = 0; i < 3; i++) {
      await turns.next(isUrgent);
      order.push(name);
      inRound += 1;
    }
  };
  await Promise.all([wait("a", false), wait("b", false), wait("rule", true)]);
  isDone = true;
  await rounds;
  expect(Math.max(...perRound)).toBe(1);
  expect(order.slice(0, 3)).toEqual(["rule", "rule", "rule"]);
  expect(order.slice(3)).toEqual(["a", "b", "a", "b", "a", "b"]);
});
