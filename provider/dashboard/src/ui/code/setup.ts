// CodeMirror, in a shadow root: there its styles are constructed sheets, which the strict policy allows.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import {
    bracketMatching,
    defaultHighlightStyle,
    foldGutter,
    foldKeymap,
    HighlightStyle,
    indentOnInput,
    indentUnit,
    syntaxHighlighting,
} from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import {
    drawSelection,
    EditorView,
    highlightActiveLine,
    highlightSpecialChars,
    keymap,
    lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
    { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: "var(--code-keyword)" },
    { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
    { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
    { tag: [tags.comment], color: "var(--code-comment)", fontStyle: "italic" },
    {
        tag: [
            tags.function(tags.variableName),
            tags.function(tags.propertyName),
            tags.definition(tags.function(tags.variableName)),
        ],
        color: "var(--code-function)",
    },
    { tag: [tags.typeName, tags.className, tags.namespace], color: "var(--code-type)" },
    { tag: [tags.propertyName], color: "var(--code-property)" },
    { tag: [tags.invalid], color: "var(--bad)" },
]);

const look = EditorView.theme({
    "&": { height: "100%", color: "var(--ink)", backgroundColor: "transparent", fontSize: "13px" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", fontVariantLigatures: "none", lineHeight: "1.6" },
    ".cm-content": { caretColor: "var(--accent)", padding: "12px 0" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--muted)", border: "none", paddingLeft: "6px" },
    ".cm-activeLine": { backgroundColor: "var(--code-line)" },
    ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
    ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
        backgroundColor: "var(--code-selection)",
    },
    ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
    ".cm-panels": { backgroundColor: "var(--surface-2)", color: "var(--ink)", borderColor: "var(--line)" },
    ".cm-tooltip": {
        backgroundColor: "var(--surface)",
        color: "var(--ink)",
        border: "1px solid var(--line)",
        borderRadius: "8px",
    },
    ".cm-matchingBracket": { backgroundColor: "var(--code-selection)", outline: "none" },
    ".cm-changedLine": { backgroundColor: "var(--diff-add)" },
    ".cm-changedText": { background: "var(--diff-add-strong)" },
    ".cm-deletedChunk": { backgroundColor: "var(--diff-del)" },
    ".cm-deletedChunk .cm-deletedText, .cm-deletedText": { background: "var(--diff-del-strong)" },
    ".cm-merge-a .cm-changedLine": { backgroundColor: "var(--diff-del)" },
    ".cm-merge-a .cm-changedText": { background: "var(--diff-del-strong)" },
    ".cm-collapsedLines": { background: "var(--surface-2)", color: "var(--muted)" },
    ".cm-specialChar": { color: "var(--bad)" },
});

/** What every editor has. Tab indents; Escape then Tab leaves, as the label says. */
export function common(label: string, editable: boolean): Extension {
    return [
        lineNumbers(),
        foldGutter(),
        highlightSpecialChars({ addSpecialChars: /[\u202a-\u202e\u2066-\u2069\u061c]/gu }),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        syntaxHighlighting(colours),
        syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
        highlightSelectionMatches(),
        indentUnit.of("    "),
        look,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": label }),
        EditorState.readOnly.of(!editable),
        EditorView.editable.of(editable),
        ...(editable ? [writing()] : [EditorView.contentAttributes.of({ tabindex: "0" })]),
    ];
}

function writing(): Extension {
    return [
        history(),
        closeBrackets(),
        autocompletion(),
        highlightActiveLine(),
        keymap.of([
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...foldKeymap,
            ...completionKeymap,
            indentWithTab,
        ]),
    ];
}
