import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { type Language, setNumberLanguage } from "../design/numbers.ts";
import { en } from "./en.ts";
import { vi } from "./vi.ts";

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

export function startTexts(): void {
  const lng = firstLanguage();
  apply(lng);
  void i18next.use(initReactI18next).init({
    lng,
    fallbackLng: "en",
    resources: { en: { translation: en }, vi: { translation: vi } },
    // React escapes by itself.
    interpolation: { escapeValue: false },
  });
}

export function chooseLanguage(language: Language): void {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // Storage may be blocked: the choice then holds for this page only.
  }
  apply(language);
  void i18next.changeLanguage(language);
}

function apply(language: Language): void {
  setNumberLanguage(language);
  document.documentElement.lang = language;
}

export const currentLanguage = (): Language => (i18next.language === "vi" ? "vi" : "en");
