// What the lazily loaded editor chunk offers.

import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { languageOf } from "./language";
import { common } from "./setup";

export interface Mounted {
    setText(text: string): void;
    destroy(): void;
}

interface EditorOptions {
    text: string;
    kind: string;
    label: string;
    editable: boolean;
    onChange?: (text: string) => void;
}

function shadowOf(host: HTMLElement): ShadowRoot {
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    root.replaceChildren();
    return root;
}

/** Space for the editor to fill: the shadow root has no rules of the page. */
function frame(root: ShadowRoot): HTMLElement {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(":host{display:block;overflow:auto}.frame{height:100%}.cm-mergeView{height:100%}");
    root.adoptedStyleSheets = [sheet];
    const inside = document.createElement("div");
    inside.className = "frame";
    root.append(inside);
    return inside;
}

export function mountEditor(host: HTMLElement, options: EditorOptions): Mounted {
    const root = shadowOf(host);
    const language = new Compartment();
    const listener = EditorView.updateListener.of((update) => {
        if (update.docChanged) options.onChange?.(update.state.doc.toString());
    });
    const view = new EditorView({
        parent: frame(root),
        root,
        state: EditorState.create({
            doc: options.text,
            extensions: [common(options.label, options.editable), language.of([]), listener],
        }),
    });
    void languageOf(options.kind).then((found) => view.dispatch({ effects: language.reconfigure(found) }));
    return {
        setText(text) {
            if (text !== view.state.doc.toString())
                view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
        },
        destroy: () => view.destroy(),
    };
}

/** Two texts: beside each other where there is room, else as one with the changes marked. */
export async function mountDiff(
    host: HTMLElement,
    before: string,
    after: string,
    kind: string,
    labels: [string, string],
): Promise<Mounted> {
    const root = shadowOf(host);
    const parent = frame(root);
    const language = await languageOf(kind);
    const collapse = { collapseUnchanged: { margin: 3, minSize: 6 } };
    if (host.clientWidth < 720) {
        const extensions = [
            common(labels[1], false),
            language,
            unifiedMergeView({ original: before, mergeControls: false, ...collapse }),
        ];
        const view = new EditorView({ parent, root, state: EditorState.create({ doc: after, extensions }) });
        return { setText: () => undefined, destroy: () => view.destroy() };
    }
    const view = new MergeView({
        parent,
        root,
        a: { doc: before, extensions: [common(labels[0], false), language] },
        b: { doc: after, extensions: [common(labels[1], false), language] },
        ...collapse,
    });
    return { setText: () => undefined, destroy: () => view.destroy() };
}
