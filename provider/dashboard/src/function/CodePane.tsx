// The code: an editor for source, a file for archives and binaries, a list for sequences.

import { useRef } from "preact/hooks";
import { bytes } from "../format";
import { functions } from "../state/functions";
import { failed } from "../state/notes";
import { Button, Safe } from "../ui/basics";
import { Editor } from "../ui/Editor";
import { Icon } from "../ui/Icon";
import type { Editing } from "./editing";

export function CodePane({ editing }: { editing: Editing }) {
    const action = editing.base.value;
    const draft = editing.draft.value;
    if (!action || !draft) return null;
    return (
        <section class="card code-card" aria-label="Code">
            <header class="card-head">
                <h2>{action.exec.kind === "sequence" ? "Sequence" : "Code"}</h2>
                {editing.pending.value && <span class="unsaved">not saved</span>}
                <span class="push" />
                {action.exec.kind !== "sequence" && <Upload editing={editing} />}
            </header>
            {action.exec.kind === "sequence" ? (
                <Components chosen={draft.components} onChange={(components) => editing.change({ components })} />
            ) : draft.binary ? (
                <Binary code={draft.code} />
            ) : (
                <Editor
                    text={draft.code}
                    revision={editing.revision.value}
                    kind={action.exec.kind}
                    label={`Code of ${editing.name}; Escape, then Tab leaves`}
                    onChange={(code) => editing.change({ code })}
                />
            )}
        </section>
    );
}

function Binary({ code }: { code: string }) {
    return (
        <div class="empty small-empty">
            <p>
                This function’s code is an archive or a binary of{" "}
                <strong>{bytes(Math.floor((code.length * 3) / 4))}</strong>. Build it where you keep its source, and
                upload the new file here.
            </p>
        </div>
    );
}

const TEXT = /\.(js|mjs|cjs|ts|py|php|rb|go|swift|rs|sh|txt)$/i;

function Upload({ editing }: { editing: Editing }) {
    const input = useRef<HTMLInputElement>(null);
    const take = async (file: File) => {
        if (TEXT.test(file.name)) editing.change({ code: await file.text(), binary: false });
        else editing.change({ code: await base64(file), binary: true });
    };
    return (
        <>
            <Button icon="upload" kind="quiet" onClick={() => input.current?.click()}>
                Upload a file
            </Button>
            <input
                ref={input}
                type="file"
                class="sr"
                aria-label="File with the code"
                tabIndex={-1}
                onChange={(event) => {
                    const [file] = event.currentTarget.files ?? [];
                    if (file) take(file).catch(failed);
                    event.currentTarget.value = "";
                }}
            />
        </>
    );
}

export async function base64(file: Blob): Promise<string> {
    const content = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let at = 0; at < content.length; at += 0x8000)
        text += String.fromCharCode(...content.subarray(at, at + 0x8000));
    return btoa(text);
}

/** The actions of a sequence, in order. */
export function Components({ chosen, onChange }: { chosen: string[]; onChange: (chosen: string[]) => void }) {
    const move = (at: number, by: number) => {
        const copy = [...chosen];
        const [moved] = copy.splice(at, 1);
        if (moved !== undefined) copy.splice(at + by, 0, moved);
        onChange(copy);
    };
    return (
        <div class="components">
            <ol>
                {chosen.map((name, at) => (
                    <li key={`${at} ${name}`}>
                        <span class="step-number number">{at + 1}</span>
                        <span class="grow">
                            <Safe text={name} />
                        </span>
                        <Button
                            icon="up"
                            kind="quiet"
                            label={`Move step ${at + 1} up`}
                            disabled={at === 0}
                            onClick={() => move(at, -1)}
                        />
                        <Button
                            icon="down"
                            kind="quiet"
                            label={`Move step ${at + 1} down`}
                            disabled={at === chosen.length - 1}
                            onClick={() => move(at, 1)}
                        />
                        <Button
                            icon="trash"
                            kind="quiet"
                            label={`Remove step ${at + 1}`}
                            onClick={() => onChange(chosen.filter((_, other) => other !== at))}
                        />
                    </li>
                ))}
            </ol>
            <label class="field">
                <span>
                    <Icon name="plus" size={14} /> Next step
                </span>
                <select
                    value=""
                    onChange={(event) => {
                        if (event.currentTarget.value !== "") onChange([...chosen, `/_/${event.currentTarget.value}`]);
                        event.currentTarget.value = "";
                    }}
                >
                    <option value="">Choose a function …</option>
                    {functions.value.map((row) => (
                        <option key={row.name} value={row.name}>
                            {row.name}
                        </option>
                    ))}
                </select>
            </label>
        </div>
    );
}
