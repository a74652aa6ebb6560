import { get, type IncomingMessage } from "node:http";
import { FakeClock } from "@storewatch/testkit";
import { afterEach, expect, test } from "vitest";
import { openMetadataStore } from "../store/meta/sqlite-store.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";

let running: TestServer | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function listen(server: TestServer, port: number, headers: Record<string, string>) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: "127.0.0.1", port, path: "/api/storewatch/v1/stream", headers, agent: false }, resolve).on(
      "error",
      reject,
    );
  });
  let text = "";
  response.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const seen = async (expected: RegExp) => {
    for (let i = 0; i < 200 && !expected.test(text); i++) await new Promise((resolve) => setTimeout(resolve, 5));
    return text;
  };
  return { response, seen, server };
}

test("topics come as events, at most one of each in a second, with heartbeats, and end when the server stops", async () => {
  const clock = new FakeClock(1e12);
  running = await startTestServer(openMetadataStore, { clock });
  const { hub, server, bearer } = running;
  const { port } = await server.start();
  const { response, seen } = await listen(running, port, await bearer("viewer"));
  expect(response.statusCode).toBe(200);
  expect(response.headers).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "x-content-type-options": "nosniff",
  });
  await seen(/retry/);
  for (let i = 0; i < 5; i++) hub.publish("samples");
  hub.publish("alerts");
  await clock.advance(999);
  expect((await seen(/alerts/)).match(/event: samples/g)).toHaveLength(1);
  await clock.advance(1);
  expect(
    (await seen(/event: samples\s[\s\S]*event: samples\s/)).match(/event: samples\ndata: samples\n\n/g),
  ).toHaveLength(2);
  await clock.advance(5000);
  await clock.advance(15_000);
  const text = await seen(/: still here/);
  expect(text).toContain(": still here\n\n");
  expect(text.match(/event: samples/g)).toHaveLength(2);
  const ended = new Promise((resolve) => response.once("end", resolve));
  await server.stop();
  await ended;
});

test("a connection ends after ten minutes, and one caller cannot take all places", async () => {
  const clock = new FakeClock(1e12);
  running = await startTestServer(openMetadataStore, { clock });
  const { server, bearer, metrics } = running;
  const { port } = await server.start();
  const headers = await bearer("viewer");
  const first = await listen(running, port, headers);
  const ended = new Promise((resolve) => first.response.once("end", resolve));
  for (let i = 1; i < 50; i++) expect((await listen(running, port, headers)).response.statusCode).toBe(200);
  expect((await listen(running, port, headers)).response.statusCode).toBe(503);
  expect((await listen(running, port, await bearer("editor"))).response.statusCode).toBe(200);
  expect(await metrics.getSingleMetricAsString("storewatch_stream_listeners")).toContain(
    "storewatch_stream_listeners 51",
  );
  await clock.advance(615_000);
  await ended;
});
