import { useQuery } from "@tanstack/react-query";
import { Outlet, useLocation } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { RequestError } from "../api/http.ts";
import { sessionQuery } from "../api/queries.ts";
import { Lines, Problem } from "../design/blocks.tsx";
import { CrashGuard } from "../design/crash-guard.tsx";
import { LiveProvider } from "./live-context.tsx";
import { Rail } from "./rail.tsx";
import { TopBar } from "./top-bar.tsx";

const SignIn = lazy(() => import("../features/sign-in/view.tsx"));
const SearchDialog = lazy(() => import("./search.tsx"));

/** Rail, top bar and page for who is signed in; the sign-in screen for all others. */
export function Shell() {
  const { t } = useTranslation();
  const session = useQuery(sessionQuery);
  const { pathname } = useLocation();
  if (session.error instanceof RequestError && session.error.status === 401)
    return (
      <Suspense fallback={null}>
        <SignIn />
      </Suspense>
    );
  if (!session.data) {
    return (
      <main className="alone">
        {session.isError ? (
          <Problem error={session.error} onRetry={() => void session.refetch()} />
        ) : (
          <Lines count={3} />
        )}
      </main>
    );
  }
  return (
    <LiveProvider>
      <a href="#content" className="skip">
        {t("nav.skip")}
      </a>
      <Rail session={session.data} />
      <TopBar session={session.data} />
      <main id="content" className="content">
        <CrashGuard key={pathname}>
          <Suspense fallback={<Lines count={6} />}>
            <Outlet />
          </Suspense>
        </CrashGuard>
      </main>
      <Suspense fallback={null}>
        <SearchDialog session={session.data} />
      </Suspense>
    </LiveProvider>
  );
}
