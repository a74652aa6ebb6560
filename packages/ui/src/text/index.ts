import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { type Language, setNumberLanguage } from "../design/numbers.ts";
import type { Texts } from "./en.ts";

const STORED = "storewatch.language";

function firstLanguage(): Language {
  const stored = readStored();
  if (stored === "en" || stored === "vi") return stored;
  return navigator.language.startsWith("vi") ? "vi" : "en";
}

function readStored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

const LOAD: Readonly<Record<Language, () => Promise<Texts>>> = {
  en: async () => (await import("./en.ts")).en,
  vi: async () => (await import("./vi.ts")).vi,
};

/** Loads the viewer's language; the other one comes when it is chosen. */
export async function startTexts(): Promise<void> {
  const lng = firstLanguage();
  apply(lng);
  const texts = await LOAD[lng]();
  await i18next.use(initReactI18next).init({
    lng,
    fallbackLng: false,
    resources: { [lng]: { translation: texts } },
    // React escapes by itself.
    interpolation: { escapeValue: false },
  });
}

export async function chooseLanguage(language: Language): Promise<void> {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // Storage may be blocked: the choice then holds for this page only.
  }
  if (!i18next.hasResourceBundle(language, "translation")) {
    i18next.addResourceBundle(language, "translation", await LOAD[language]());
  }
  apply(language);
  await i18next.changeLanguage(language);
}

function apply(language: Language): void {
  setNumberLanguage(language);
  document.documentElement.lang = language;
}

export const currentLanguage = (): Language => (i18next.language === "vi" ? "vi" : "en");
