import { TextInput } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { overviewQuery } from "../../api/queries.ts";
import { matchesSearch } from "../../app/search-text.ts";
import { useTimeRange } from "../../app/url-state.ts";
import { Empty, Headline, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import { currentLanguage } from "../../text/index.ts";
import { overviewHeadline } from "../overview/headline.ts";
import { ShopRows } from "../overview/shop-table.tsx";
import "../overview/overview.css";

/** All shops, worst first, with a filter. */
export function ShopsPage() {
  const { t } = useTranslation();
  const range = useTimeRange();
  const query = useQuery({
    ...overviewQuery(`${Math.round(range.rangeMs / 1000)}s`),
    placeholderData: keepPreviousData,
  });
  const [filter, setFilter] = useState("");
  return (
    <Loaded query={query} skeleton={<Lines count={12} height={16} />}>
      {(overview) => {
        if (overview.shops.length === 0)
          return <Empty title={t("overview.noShops")} why={t("overview.noShopsWhy")} command="npm start" />;
        const words = overviewHeadline(overview, t, currentLanguage());
        const shown = overview.shops.filter((shop) => matchesSearch(filter, shop.name, shop.id, shop.tier ?? ""));
        return (
          <div className="stack">
            <Headline state={words.state} detail={words.detail}>
              {words.sentence}
            </Headline>
            <TextInput
              value={filter}
              onChange={(event) => setFilter(event.target.value)}
              placeholder={t("shop.filter")}
              aria-label={t("shop.filter")}
              leftSection={<Search size={15} />}
              w={280}
              maw="100%"
            />
            <Panel flush>
              {shown.length > 0 ? (
                <ShopRows shops={shown} rangeMs={overview.rangeMs} />
              ) : (
                <Empty title={t("bar.noShop")} />
              )}
            </Panel>
          </div>
        );
      }}
    </Loaded>
  );
}
