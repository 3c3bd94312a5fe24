// The code editor and the diff; their chunk is fetched when the first of them is shown.

import { useEffect, useRef } from "preact/hooks";
import { failed } from "../state/notes";
import type { Mounted } from "./code/mount";

interface EditorProps {
    text: string;
    /** Raised when `text` was replaced from outside: what is typed meanwhile must not be taken back by a late render. */
    revision?: number;
    kind: string;
    label: string;
    editable?: boolean;
    onChange?: (text: string) => void;
    className?: string;
}

/** It follows `text` when `revision` changes. A new `kind` makes it anew. */
export function Editor(props: EditorProps) {
    const host = useRef<HTMLDivElement>(null);
    const mounted = useRef<Mounted | null>(null);
    const latest = useRef(props);
    latest.current = props;
    useEffect(() => {
        let gone = false;
        import("./code/mount").then(({ mountEditor }) => {
            if (gone || !host.current) return;
            const { text, kind, label, editable } = latest.current;
            const onChange = (changed: string) => latest.current.onChange?.(changed);
            mounted.current = mountEditor(host.current, { text, kind, label, editable: editable ?? true, onChange });
        }, failed);
        return () => {
            gone = true;
            mounted.current?.destroy();
            mounted.current = null;
        };
    }, [props.kind, props.label, props.editable]);
    useEffect(() => mounted.current?.setText(latest.current.text), [props.revision]);
    return <div class={`editor ${props.className ?? ""}`} ref={host} data-testid="editor" />;
}

export function Diff(props: { before: string; after: string; kind: string; labels: [string, string] }) {
    const host = useRef<HTMLDivElement>(null);
    const [beforeLabel, afterLabel] = props.labels;
    useEffect(() => {
        let mounted: Mounted | null = null;
        let gone = false;
        const show = async () => {
            const { mountDiff } = await import("./code/mount");
            if (gone || !host.current) return;
            mounted = await mountDiff(host.current, props.before, props.after, props.kind, [beforeLabel, afterLabel]);
        };
        show().catch(failed);
        return () => {
            gone = true;
            mounted?.destroy();
        };
    }, [props.before, props.after, props.kind, beforeLabel, afterLabel]);
    return <div class="editor diff" ref={host} />;
}
