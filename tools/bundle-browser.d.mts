export interface BrowserForm {
  readonly entry: string;
  readonly file: string;
  readonly format: "es" | "iife";
}
export const BROWSER_FORMS: readonly BrowserForm[];
export function bundleForBrowsers(form: BrowserForm): Promise<string>;
