// Short notes at the edge of the page: what was done, what went wrong.

import { signal } from "@preact/signals";
import { asApiError } from "../api/client";

export interface Note {
    id: number;
    kind: "done" | "error";
    text: string;
    code: string; // transaction id of an error
}

export const notes = signal<Note[]>([]);
let next = 1;

function add(kind: Note["kind"], text: string, code: string, seconds: number): void {
    const id = next++;
    notes.value = [...notes.value.slice(-3), { id, kind, text, code }];
    setTimeout(() => dismiss(id), seconds * 1000);
}

export function dismiss(id: number): void {
    notes.value = notes.value.filter((note) => note.id !== id);
}

export function done(text: string): void {
    add("done", text, "", 4);
}

export function failed(error: unknown): void {
    const said = asApiError(error);
    add("error", said.message, said.code, 15);
}

export async function copy(text: string, what: string): Promise<void> {
    try {
        await navigator.clipboard.writeText(text);
        done(`${what} copied`);
    } catch {
        failed(new Error("The browser did not let us copy. Select the text and copy it by hand."));
    }
}
