// The look of the code editors, in the app's tokens. Imported by lazy chunks only.
import { HighlightStyle } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export const codeColors = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--silent)" },
  { tag: [tags.string], color: "var(--ok)" },
  { tag: [tags.number, tags.literal], color: "var(--info)" },
  { tag: [tags.labelName], color: "var(--warn)" },
  { tag: [tags.function(tags.variableName), tags.special(tags.variableName)], color: "var(--accent)" },
  { tag: [tags.comment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.invalid], color: "var(--crit)" },
]);

export const codeLook = EditorView.theme({
  "&": { fontSize: "13px", backgroundColor: "transparent", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-content": { fontFamily: "var(--code)", padding: "9px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 12px", lineHeight: "20px" },
  ".cm-scroller": { fontFamily: "var(--code)", maxHeight: "220px" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 25%, transparent) !important",
  },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft) !important", outline: "1px solid var(--accent)" },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    boxShadow: "var(--shadow)",
    overflow: "hidden",
  },
  ".cm-tooltip-autocomplete ul": { fontFamily: "var(--code)", maxHeight: "280px" },
  ".cm-tooltip-autocomplete ul li": { padding: "3px 10px !important" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--text)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal", marginLeft: "12px", float: "right" },
  ".cm-completionInfo": { padding: "8px 10px", maxWidth: "320px", color: "var(--muted)" },
  ".cm-completionMatchedText": { textDecoration: "none", color: "var(--accent)", fontWeight: "600" },
  ".cm-diagnostic": { borderLeftColor: "var(--crit)", padding: "6px 10px" },
});
