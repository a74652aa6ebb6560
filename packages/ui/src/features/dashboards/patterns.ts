// Patterns in dashboards come from files and people: RE2, never RegExp.
import { compileRe2 } from "@storewatch/model";

/** `/…/flags` or a plain pattern, searched for anywhere in the text. An unreadable pattern matches nothing. */
export function patternMatcher(source: string): (value: string) => boolean {
  try {
    const pattern = compileRe2(re2Source(source));
    return (value) => pattern.matcher(value).find();
  } catch {
    return () => false;
  }
}

/** Replaces the first match (all with the g flag); `$1` takes a group. */
export function patternReplacer(source: string, replacement: string): (value: string) => string {
  try {
    const pattern = compileRe2(re2Source(source));
    const all = /^\/.*\/[a-z]*g[a-z]*$/s.test(source);
    return (value) =>
      all ? pattern.matcher(value).replaceAll(replacement) : pattern.matcher(value).replaceFirst(replacement);
  } catch {
    return (value) => value;
  }
}

function re2Source(source: string): string {
  const slashed = /^\/(.*)\/([a-z]*)$/s.exec(source);
  if (!slashed) return source;
  return (slashed[2].includes("i") ? "(?i)" : "") + slashed[1];
}
