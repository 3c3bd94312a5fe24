// The function as a command of wsk or curl, or as an entry of serverless.yml.

import { useState } from "preact/hooks";
import type { Action } from "../api/types";
import { Button, Command } from "../ui/basics";
import { Dialog } from "../ui/Dialog";
import { snippets } from "./snippets";

export function CopyAs({ name, action, payload }: { name: string; action: Action; payload: string }) {
    const [open, setOpen] = useState(false);
    return (
        <>
            <Button icon="copy" onClick={() => setOpen(true)}>
                Copy as
            </Button>
            {open && (
                <Dialog title="The same elsewhere" onClose={() => setOpen(false)}>
                    {snippets(name, action, payload, location.origin).map((snippet) => (
                        <div key={snippet.title}>
                            <h3>{snippet.title}</h3>
                            <Command text={snippet.text} />
                        </div>
                    ))}
                    <p class="muted small">
                        <code>$AUTH</code> stands for your API key; it is not written out here.
                    </p>
                </Dialog>
            )}
        </>
    );
}
