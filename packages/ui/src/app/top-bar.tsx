import { ActionIcon, Kbd, Menu, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { spotlight } from "@mantine/spotlight";
import type { Session } from "@storewatch/model/api";
import { useQueryClient } from "@tanstack/react-query";
import { CircleUser, Monitor, Moon, Search, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import { signOut } from "../api/storewatch.ts";
import { chooseLanguage, currentLanguage } from "../text/index.ts";
import { useLive } from "./live-context.tsx";
import { RangePicker } from "./range-picker.tsx";
import { ShopPicker } from "./shop-picker.tsx";
import { useTimeRange, useUrlActions } from "./url-state.ts";

export function TopBar({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  return (
    <div className="bar">
      <ShopPicker />
      <RangePicker />
      <LiveButton />
      <button type="button" className="bar-search" onClick={() => spotlight.open()} aria-label={t("bar.search")}>
        <Search size={15} aria-hidden="true" />
        <span>{t("bar.search")}</span>
        <Kbd size="xs">Ctrl K</Kbd>
      </button>
      <div className="bar-end">
        <LanguageButton />
        <ThemeMenu />
        <AccountMenu session={session} />
      </div>
    </div>
  );
}

function LiveButton() {
  const { t } = useTranslation();
  const live = useLive();
  const range = useTimeRange();
  const { setRange } = useUrlActions();
  if (!range.live) {
    return (
      <button type="button" className="bar-button" onClick={() => setRange("1h")}>
        {t("range.backToLive")}
      </button>
    );
  }
  const hint = live.state === "paused" ? "pausedHint" : live.state === "lost" ? "lostHint" : "liveHint";
  return (
    <Tooltip label={t(`bar.${hint}`)}>
      <button type="button" className={`bar-button live live-${live.state}`} onClick={live.toggle}>
        <i aria-hidden="true" />
        <span>{t(`bar.${live.state}`)}</span>
      </button>
    </Tooltip>
  );
}

function LanguageButton() {
  const { t } = useTranslation();
  const language = currentLanguage();
  return (
    <Tooltip label={t("bar.languageHint")}>
      <button
        type="button"
        className="bar-button bar-language"
        lang={language === "en" ? "vi" : "en"}
        aria-label={t("bar.languageHint")}
        onClick={() => void chooseLanguage(language === "en" ? "vi" : "en")}
      >
        {language === "en" ? "VI" : "EN"}
      </button>
    </Tooltip>
  );
}

function ThemeMenu() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  return (
    <Menu position="bottom-end" width={180}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={34} aria-label={t("bar.theme")}>
          {scheme === "dark" ? <Moon size={17} /> : <Sun size={17} />}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Sun size={15} />} onClick={() => setColorScheme("light")}>
          {t("bar.themeLight")}
        </Menu.Item>
        <Menu.Item leftSection={<Moon size={15} />} onClick={() => setColorScheme("dark")}>
          {t("bar.themeDark")}
        </Menu.Item>
        <Menu.Item leftSection={<Monitor size={15} />} onClick={() => setColorScheme("auto")}>
          {t("bar.themeAuto")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function AccountMenu({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const leave = async () => {
    await signOut();
    client.clear();
    window.location.assign("/");
  };
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={34} aria-label={t("bar.account")}>
          <CircleUser size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("bar.signedInAs", { name: session.name, role: session.role })}</Menu.Label>
        <Menu.Label>Storewatch {session.version}</Menu.Label>
        <Menu.Item onClick={() => void leave()}>{t("bar.signOut")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
