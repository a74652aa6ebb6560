import type { RouteNode, RoutingTestResult, RoutingTree } from "@storewatch/model/api";
import { Link } from "@tanstack/react-router";
import { BellOff, CornerDownRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { duration } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { type TreeRow, treeRows } from "./tree-rows.ts";

/** The tree drawn as an indented list with connecting lines: the same on a desk and on a phone. */
export function RouteTree({
  tree,
  test,
}: {
  readonly tree: RoutingTree;
  readonly test: RoutingTestResult | undefined;
}) {
  return (
    <ul className={`route-tree${test ? " route-tested" : ""}`}>
      {treeRows(tree.nodes, test).map((row) => (
        <RouteRow key={row.node.id} row={row} />
      ))}
    </ul>
  );
}

function RouteRow({ row }: { readonly row: TreeRow }) {
  const { t } = useTranslation();
  const { node, place } = row;
  return (
    <li className={`route${place ? ` route-${place}` : ""}`}>
      <Branch row={row} />
      <div className="route-body">
        <div className="route-when">
          <span className="sr-only">{t("routing.level", { level: node.depth + 1 })}</span>
          {node.parent === null && <span className="muted">{t("routing.everything")}</span>}
          {node.parent !== null && row.matchers.length === 0 && <span className="muted">{t("routing.always")}</span>}
          {row.matchers.map((matcher) => (
            <code
              key={matcher.text}
              className={`chip${matcher.matched === undefined ? "" : matcher.matched ? " chip-yes" : " chip-no"}`}
            >
              {matcher.matched === false && <span className="sr-only">{t("routing.notMatched")} </span>}
              {matcher.text}
            </code>
          ))}
          {node.continue && <span className="tag">{t("routing.continue")}</span>}
        </div>
        <div className="route-who">
          <CornerDownRight size={13} className="muted" aria-hidden="true" />
          <Link to="/receivers" hash={node.receiver} className="name-link">
            {node.receiver}
          </Link>
          {place === "chosen" && <StateMark state="info" word={t("routing.chosen")} />}
          {node.mutedNow && (
            <span className="state state-silent">
              <BellOff size={13} aria-hidden="true" /> {t("routing.mutedNow")}
            </span>
          )}
        </div>
      </div>
      <RouteFacts node={node} />
      <div className="route-count">
        {node.counts.alerts > 0 && <span>{t("rules.alerts", { count: node.counts.alerts })}</span>}
        {node.counts.suppressed > 0 && (
          <span className="muted">{t("routing.suppressed", { count: node.counts.suppressed })}</span>
        )}
      </div>
    </li>
  );
}

/** px for each level. */
const LEVEL = 22;

/** The lines that connect a node with its parent and let later branches pass. */
function Branch({ row }: { readonly row: TreeRow }) {
  const { node, passing, last } = row;
  if (node.parent === null) return <span className="branch branch-root" aria-hidden="true" />;
  return (
    <span className="branch" style={{ width: LEVEL * node.depth }} aria-hidden="true">
      {passing.map((passes, i) =>
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is the identity.
        passes ? <i key={i} className="branch-pass" style={{ left: LEVEL * i + 9 }} /> : null,
      )}
      <i className={last ? "branch-last" : "branch-more"} style={{ left: LEVEL * (node.depth - 1) + 9 }} />
    </span>
  );
}

function RouteFacts({ node }: { readonly node: RouteNode }) {
  const { t } = useTranslation();
  const intervals = [...node.muteTimeIntervals, ...node.activeTimeIntervals].map((one) => one.name);
  return (
    <div className="route-facts">
      <span>
        {t("routing.groupedBy")}{" "}
        {node.groupBy === null
          ? t("routing.byAll")
          : node.groupBy.length === 0
            ? t("routing.byNothing")
            : node.groupBy.join(", ")}
      </span>
      <span className="muted">
        {t("routing.times", {
          wait: duration(node.groupWaitMs / 1000),
          interval: duration(node.groupIntervalMs / 1000),
          repeat: duration(node.repeatIntervalMs / 1000),
        })}
      </span>
      {intervals.length > 0 && <span className="muted">{t("routing.intervals", { names: intervals.join(", ") })}</span>}
    </div>
  );
}
