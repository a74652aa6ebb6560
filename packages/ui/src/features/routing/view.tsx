import type { RoutingTestResult, RoutingTree } from "@storewatch/model/api";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { SectionTabs } from "../../app/section-tabs.tsx";
import { Headline, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import { readLabels } from "./label-text.ts";
import { RouteTree } from "./route-tree.tsx";
import { routingQuery, testRouting } from "./routing-api.ts";
import { Tester } from "./tester.tsx";
import "./routing.css";

/** Who is told of what: the tree, and a tester that draws the way of an alert through it. */
export function RoutingPage() {
  const query = useQuery(routingQuery);
  return (
    <div className="stack">
      <SectionTabs section="/notifications" />
      <Loaded query={query} skeleton={<Lines count={10} height={18} />}>
        {(tree) => <RoutingBody tree={tree} />}
      </Loaded>
    </div>
  );
}

function RoutingBody({ tree }: { readonly tree: RoutingTree }) {
  const { t } = useTranslation();
  const { labels: text } = useSearch({ from: "/routing" });
  const { labels, bad } = readLabels(text ?? "");
  const test = useQuery({
    queryKey: ["alerts", "routing", "test", labels],
    queryFn: () => testRouting(labels),
    enabled: text !== undefined && bad === undefined && Object.keys(labels).length > 0,
    retry: false,
  });
  return (
    <>
      <RoutingHeadline tree={tree} />
      <div className="routing">
        <Tester text={text ?? ""} bad={bad} test={test} tree={tree} />
        <Panel title={t("routing.tree")} aside={<TreeHint test={test.data} />} flush>
          <RouteTree tree={tree} test={test.data} />
        </Panel>
      </div>
    </>
  );
}

function TreeHint({ test }: { readonly test: RoutingTestResult | undefined }) {
  const { t } = useTranslation();
  return <span className="wide-only">{t(test ? "routing.hintTest" : "routing.hint")}</span>;
}

function RoutingHeadline({ tree }: { readonly tree: RoutingTree }) {
  const { t } = useTranslation();
  // Not a fault: a receiver that tells nobody is where people send what they do not want to hear.
  const silent = tree.receivers.filter((receiver) => receiver.integrations.length === 0 && receiver.alerts > 0);
  const muted = tree.nodes.filter((node) => node.mutedNow).length;
  const detail = [
    t("routing.detail", { routes: tree.nodes.length, count: tree.receivers.length }),
    ...silent.map((one) => t("routing.endsAt", { count: one.alerts, name: one.name })),
  ].join(" · ");
  return (
    <Headline state={muted > 0 ? "silent" : "ok"} detail={detail}>
      {muted > 0 ? t("routing.headlineMuted", { count: muted }) : t("routing.headline")}
    </Headline>
  );
}
