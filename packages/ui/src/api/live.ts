// The live connection: the server names topics that changed, and the page asks again for what it shows.
import { STREAM_TOPICS, type StreamTopic } from "@storewatch/model/api";
import type { QueryClient } from "@tanstack/react-query";

export type LiveState = "connecting" | "live" | "lost" | "paused";

export interface LiveConnection {
  stop(): void;
}

/** How often a topic's queries may be asked again. Charts of long ranges change slowly: the page sets its own. */
export interface LivePace {
  /** ms between two refreshes of charts. */
  samplesMs: number;
}

/** A refresh of charts about every 900th of the range: each second for 15 min, every 4 s for an hour. */
export const samplesPace = (rangeMs: number): number => Math.min(60_000, Math.max(1000, rangeMs / 900));

export function connectLive(client: QueryClient, pace: LivePace, onState: (state: LiveState) => void): LiveConnection {
  const lastMs = new Map<StreamTopic, number>();
  const waiting = new Map<StreamTopic, number>();
  const refresh = (topic: StreamTopic) => {
    lastMs.set(topic, performance.now());
    waiting.delete(topic);
    void client.invalidateQueries({ queryKey: [topic] });
  };
  const changed = (topic: StreamTopic) => {
    if (waiting.has(topic) || document.hidden) return;
    const gapMs = topic === "samples" ? pace.samplesMs : 1000;
    const waitMs = gapMs - (performance.now() - (lastMs.get(topic) ?? -gapMs));
    waiting.set(
      topic,
      window.setTimeout(() => refresh(topic), Math.max(0, waitMs)),
    );
  };
  // A page that was in the background asks for all once.
  const shown = () => {
    if (!document.hidden) for (const topic of STREAM_TOPICS) changed(topic);
  };
  document.addEventListener("visibilitychange", shown);
  const source = new EventSource("/api/storewatch/v1/stream");
  let wasLost = false;
  source.onopen = () => {
    onState("live");
    if (wasLost) shown();
    wasLost = false;
  };
  source.onerror = () => {
    wasLost = true;
    onState("lost");
  };
  for (const topic of STREAM_TOPICS) source.addEventListener(topic, () => changed(topic));
  // Also the plain form: the topic as the event's data.
  source.onmessage = (event: MessageEvent<string>) => {
    const topic = STREAM_TOPICS.find((name) => event.data === name || event.data.includes(`"${name}"`));
    if (topic) changed(topic);
  };
  return {
    stop() {
      source.close();
      document.removeEventListener("visibilitychange", shown);
      for (const timer of waiting.values()) window.clearTimeout(timer);
    },
  };
}
