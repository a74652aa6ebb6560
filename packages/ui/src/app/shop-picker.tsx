import { Combobox, InputBase, useCombobox } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { ChevronDown, Store } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { tenantsQuery } from "../api/queries.ts";
import { matchesSearch } from "./search-text.ts";
import { useUrlState } from "./url-state.ts";

/** The scope of the page. On the overview and the shops' pages it goes to the shop's own page. */
export function ShopPicker() {
  const { t } = useTranslation();
  const combobox = useCombobox({
    onDropdownClose: () => setFind(""),
    onDropdownOpen: () => combobox.focusSearchInput(),
  });
  const [find, setFind] = useState("");
  const tenants = useQuery(tenantsQuery).data ?? [];
  const { id, choose } = useScope();
  const found = tenants.filter((tenant) => matchesSearch(find, tenant.name, tenant.id));
  const name = tenants.find((tenant) => tenant.id === id)?.name ?? id;
  return (
    <Combobox
      store={combobox}
      position="bottom-start"
      width={280}
      shadow="md"
      onOptionSubmit={(value) => {
        choose(value === "*" ? undefined : value);
        combobox.closeDropdown();
      }}
    >
      <Combobox.Target targetType="button">
        <button
          type="button"
          className="bar-button bar-scope"
          onClick={() => combobox.toggleDropdown()}
          aria-label={t("bar.shop")}
        >
          <Store size={15} aria-hidden="true" />
          <span>{name ?? t("bar.allShops")}</span>
          <ChevronDown size={14} aria-hidden="true" />
        </button>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search
          component={InputBase}
          value={find}
          onChange={(event) => setFind(event.currentTarget.value)}
          placeholder={t("bar.findShop")}
          aria-label={t("bar.findShop")}
        />
        <Combobox.Options mah={340} style={{ overflowY: "auto" }}>
          {find === "" && (
            <Combobox.Option value="*" active={id === undefined}>
              {t("bar.allShops")}
            </Combobox.Option>
          )}
          {found.map((tenant) => (
            <Combobox.Option key={tenant.id} value={tenant.id} active={tenant.id === id} className="shop-option">
              <span>{tenant.name}</span>
              <code>{tenant.id}</code>
            </Combobox.Option>
          ))}
          {found.length === 0 && <Combobox.Empty>{t("bar.noShop")}</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

/** The chosen shop: on a shop's own page that one, else the URL's `tenant`. */
export function useScope(): { readonly id: string | undefined; choose(id: string | undefined): void } {
  const { tenant } = useUrlState();
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const own = /^\/tenants\/([^/]+)$/.exec(pathname)?.[1];
  const id = own === undefined ? tenant : decodeURIComponent(own);
  const withTenant = (next: string | undefined) =>
    ((old: Record<string, unknown>) => ({ ...old, tenant: next })) as never;
  return {
    id,
    choose(next) {
      if (own !== undefined || pathname === "/" || pathname === "/tenants") {
        if (next === undefined) void navigate({ to: own === undefined ? "." : "/", search: withTenant(undefined) });
        else void navigate({ to: "/tenants/$id", params: { id: next }, search: withTenant(undefined) });
      } else void navigate({ to: ".", search: withTenant(next) });
    },
  };
}
