// A modal dialog: the browser's own, so that focus stays in it and Escape closes it.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "./basics";

export function Dialog(props: {
    title: string;
    onClose: () => void;
    children: ComponentChildren;
    size?: "small" | "large";
    bare?: boolean;
}) {
    const element = useRef<HTMLDialogElement>(null);
    useLayoutEffect(() => {
        const dialog = element.current;
        if (dialog && !dialog.open) dialog.showModal();
        return () => dialog?.close();
    }, []);
    return (
        <dialog
            ref={element}
            class={`dialog ${props.size ?? ""} ${props.bare ? "bare" : ""}`}
            aria-label={props.title}
            onCancel={(event) => {
                event.preventDefault();
                props.onClose();
            }}
            onClick={(event) => {
                if (event.target === element.current) props.onClose();
            }}
        >
            <div class="dialog-inside">
                {!props.bare && (
                    <header class="dialog-head">
                        <h2>{props.title}</h2>
                        <Button icon="close" kind="quiet" label="Close" onClick={props.onClose} />
                    </header>
                )}
                {props.children}
            </div>
        </dialog>
    );
}

export function Confirm(props: { title: string; text: string; yes: string; onYes: () => void; onClose: () => void }) {
    return (
        <Dialog title={props.title} onClose={props.onClose} size="small">
            <p>{props.text}</p>
            <div class="row end">
                <Button onClick={props.onClose}>Cancel</Button>
                <Button kind="danger" onClick={props.onYes}>
                    {props.yes}
                </Button>
            </div>
        </Dialog>
    );
}
