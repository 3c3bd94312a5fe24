// Who is signed in. The key lives in this tab alone: session storage, gone when the tab closes.

import { signal } from "@preact/signals";

export interface Session {
    key: string;
    namespace: string;
}

const SLOT = "argo.session";

export const session = signal<Session | null>(read());
export const signInNote = signal("");

function read(): Session | null {
    try {
        const stored: unknown = JSON.parse(sessionStorage.getItem(SLOT) ?? "null");
        const found = stored as Partial<Session> | null;
        return found?.key && found.namespace ? { key: found.key, namespace: found.namespace } : null;
    } catch {
        return null;
    }
}

export function signIn(found: Session): void {
    sessionStorage.setItem(SLOT, JSON.stringify(found));
    signInNote.value = "";
    session.value = found;
}

export function signOut(note = ""): void {
    sessionStorage.removeItem(SLOT);
    signInNote.value = note;
    session.value = null;
}
