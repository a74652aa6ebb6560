import "./no-eval.ts";
import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import "@mantine/core/styles.css";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import "@mantine/notifications/styles.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RequestError } from "./api/http.ts";
import { router } from "./app/router.tsx";
import "./design/tokens.css";
import "./design/base.css";
import "./design/parts.css";
import { cssVariables, theme } from "./design/theme.ts";
import { startTexts } from "./text/index.ts";

await startTexts();

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      refetchOnWindowFocus: false,
      // A 4xx stays one; what the network did may pass.
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof RequestError) || error.status === 0 || error.status >= 500),
    },
  },
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariables}
        defaultColorScheme="auto"
        colorSchemeManager={localStorageColorSchemeManager({ key: "storewatch.theme" })}
      >
        <QueryClientProvider client={client}>
          <ModalsProvider>
            <Notifications position="bottom-right" autoClose={4000} />
            <RouterProvider router={router} />
          </ModalsProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
