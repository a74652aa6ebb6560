// The YAML editor of rule groups: a chunk of its own. Findings stand at their line.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { indentUnit, StreamLanguage, type StreamParser, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import type { RuleFinding } from "@storewatch/model/api";
import { useEffect, useRef } from "react";
import { codeColors, codeLook } from "../../design/code-look.ts";

interface YamlState {
  /** Column of the key whose text goes on below it (`|`, `>`); −1 outside of one. */
  block: number;
}

/** Enough of YAML for colours: keys, comments, texts, numbers. What is right is for the server to say. */
const yamlParser: StreamParser<YamlState> = {
  name: "yaml",
  startState: () => ({ block: -1 }),
  token(stream, state) {
    if (stream.sol() && state.block >= 0 && stream.string.trim() !== "" && stream.indentation() <= state.block)
      state.block = -1;
    if (stream.eatSpace()) return null;
    if (state.block >= 0) {
      stream.skipToEnd();
      return "string";
    }
    if (stream.match(/^#.*/)) return "comment";
    if (stream.match(/^-(?=\s|$)/)) return "operatorKeyword";
    if (stream.match(/^[|>][+-]?\d?\s*(?=#|$)/)) {
      state.block = stream.indentation();
      return "operatorKeyword";
    }
    if (stream.match(/^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\w.$-]+)(?=\s*:(?:\s|$))/)) return "labelName";
    if (stream.match(/^[:,[\]{}]/)) return null;
    if (stream.match(/^("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?)/)) return "string";
    if (stream.match(/^-?\d[\w.]*(?=\s|,|\]|\}|$)/)) return "number";
    stream.match(/^[^\s#,[\]{}]+|^./);
    return null;
  },
};

const gutterLook = EditorView.theme({
  ".cm-gutters": { backgroundColor: "transparent", border: "0", color: "var(--muted)" },
  ".cm-scroller": { maxHeight: "min(68vh, 720px)", minHeight: "280px" },
  ".cm-line": { padding: "0 10px" },
  ".cm-lintPoint::after": { borderBottomColor: "var(--warn)" },
});

export interface YamlEditorProps {
  readonly value: string;
  readonly label: string;
  readonly readOnly: boolean;
  readonly findings: readonly RuleFinding[];
  /** The line to go to; a new object for each time. */
  readonly goTo: { readonly line: number } | undefined;
  readonly onChange: (text: string) => void;
  readonly onLine: (line: number) => void;
  readonly onSave: () => void;
}

export default function YamlEditor(props: YamlEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const calls = useRef(props);
  calls.current = props;
  const { value, findings, goTo } = props;

  useEffect(() => {
    if (!host.current) return;
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({ doc: calls.current.value, extensions: extensions(calls) }),
    });
    view.current = made;
    return () => made.destroy();
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, diagnosticsOf(findings, editor.state)));
  }, [findings]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || !goTo) return;
    const line = editor.state.doc.line(Math.min(Math.max(1, goTo.line), editor.state.doc.lines));
    editor.dispatch({
      selection: { anchor: line.from },
      effects: EditorView.scrollIntoView(line.from, { y: "center" }),
    });
    editor.focus();
  }, [goTo]);

  return <div ref={host} className="editor yaml-editor" />;
}

function extensions(calls: { readonly current: YamlEditorProps }) {
  const save = () => {
    calls.current.onSave();
    return true;
  };
  return [
    history(),
    lineNumbers(),
    lintGutter(),
    indentUnit.of("  "),
    keymap.of([{ key: "Mod-s", run: save }, indentWithTab, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
    StreamLanguage.define(yamlParser),
    syntaxHighlighting(codeColors),
    // The first one wins: here the editor is taller than Explore's.
    gutterLook,
    codeLook,
    EditorView.lineWrapping,
    EditorState.readOnly.of(calls.current.readOnly),
    EditorView.contentAttributes.of({ "aria-label": calls.current.label }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) calls.current.onChange(update.state.doc.toString());
      if (update.docChanged || update.selectionSet)
        calls.current.onLine(update.state.doc.lineAt(update.state.selection.main.head).number);
    }),
  ];
}

/** From its column to the end of its line; a finding of another file has no line here. */
function diagnosticsOf(findings: readonly RuleFinding[], state: EditorState): Diagnostic[] {
  return findings
    .filter((finding) => finding.file === "" && finding.line >= 1)
    .map((finding) => {
      const line = state.doc.line(Math.min(finding.line, state.doc.lines));
      const from = Math.min(line.to, line.from + Math.max(0, finding.column - 1));
      return {
        from,
        to: line.to,
        severity: finding.severity,
        message: [finding.message, finding.why, finding.fix].filter(Boolean).join("\n"),
      };
    })
    .sort((a, b) => a.from - b.from);
}
