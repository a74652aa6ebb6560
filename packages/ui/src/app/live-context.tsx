import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { connectLive, type LivePace, type LiveState, samplesPace } from "../api/live.ts";
import { useTimeRange } from "./url-state.ts";

interface Live {
  readonly state: LiveState;
  toggle(): void;
}

const LiveContext = createContext<Live>({ state: "connecting", toggle() {} });

/** One connection for the whole app; paused by hand, or because the range does not end now. */
export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient();
  const range = useTimeRange();
  const pace = useRef<LivePace>({ samplesMs: 4000 });
  const [paused, setPaused] = useState(false);
  const [state, setState] = useState<LiveState>("connecting");
  pace.current.samplesMs = range.live ? samplesPace(range.rangeMs) : 60_000;
  useEffect(() => {
    if (paused) return;
    const connection = connectLive(client, pace.current, setState);
    return () => connection.stop();
  }, [client, paused]);
  const live = useMemo<Live>(
    () => ({
      state: paused ? "paused" : state,
      toggle: () => {
        if (paused) void client.invalidateQueries();
        setPaused(!paused);
      },
    }),
    [paused, state, client],
  );
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

export const useLive = (): Live => useContext(LiveContext);
