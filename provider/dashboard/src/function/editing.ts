// One function being edited: the version it began from, the draft, and what happens when somebody else saves.

import { computed, signal } from "@preact/signals";
import { getAction, putAction } from "../api/calls";
import { asApiError, type ApiError, type Answer } from "../api/client";
import type { Action } from "../api/types";
import { onEvent, onGap } from "../state/stream";
import { done, failed } from "../state/notes";
import { changes, draftOf, keepDraft, keptDraft, type Draft } from "./draft";

export interface Conflict {
    theirs: Action;
    etag: string;
}

export class Editing {
    readonly base = signal<Action | null>(null);
    readonly draft = signal<Draft | null>(null);
    readonly error = signal<ApiError | null>(null);
    readonly saving = signal(false);
    readonly deleted = signal(false);
    readonly conflict = signal<Conflict | null>(null);
    readonly conflictOpen = signal(false);
    /** A draft that gave way to another's version; it can be brought back. */
    readonly setAside = signal<Draft | null>(null);
    readonly pending = computed(() =>
        this.base.value && this.draft.value ? changes(this.base.value, this.draft.value) : null,
    );
    /** Counts how often the draft was replaced other than by typing. */
    readonly revision = signal(0);
    private etag = "";

    constructor(readonly name: string) {}

    /** Reads the function; a draft kept from before a reload comes back with it. */
    async open(): Promise<void> {
        try {
            const { body, headers } = await getAction(this.name);
            const kept = keptDraft(this.name);
            this.take(body, headers);
            this.error.value = null;
            if (!kept) return;
            this.replace(kept.draft);
            if (kept.base !== body.version) await this.meet();
        } catch (error) {
            this.error.value = asApiError(error);
        }
    }

    private take(action: Action, headers: Headers): void {
        this.base.value = action;
        this.etag = headers.get("ETag") ?? `"${action.version}"`;
        this.replace(draftOf(action));
        this.conflict.value = null;
        this.conflictOpen.value = false;
        keepDraft(this.name, action.version, null);
    }

    private replace(draft: Draft): void {
        this.draft.value = draft;
        this.revision.value += 1;
    }

    change(part: Partial<Draft>): void {
        const base = this.base.value;
        if (!this.draft.value || !base) return;
        this.draft.value = { ...this.draft.value, ...part };
        keepDraft(this.name, base.version, this.pending.value ? this.draft.value : null);
    }

    /** Whether it is saved now. Nothing to save counts as saved. */
    async save(): Promise<boolean> {
        const put = this.pending.value;
        const base = this.base.value;
        if (!base || !this.draft.value || this.saving.value) return false;
        if (!put) return true;
        if (this.conflict.value) {
            this.conflictOpen.value = true;
            return false;
        }
        this.saving.value = true;
        const mine = this.draft.value;
        try {
            const answer = await putAction(this.name, put, true, this.etag);
            this.saved(answer, mine);
            return true;
        } catch (error) {
            if (asApiError(error).status === 412 || asApiError(error).status === 409) await this.meet();
            else failed(error);
            return false;
        } finally {
            this.saving.value = false;
        }
    }

    private saved(answer: Answer<Action>, sent: Draft): void {
        const writtenSince = this.draft.value;
        this.take(answer.body, answer.headers);
        if (writtenSince && writtenSince !== sent) this.change(writtenSince); // typed while the save was under way
        done(`Saved as version ${answer.body.version}`);
    }

    /** Somebody else saved: fetch theirs, keep mine, show both. */
    private async meet(): Promise<void> {
        try {
            const { body, headers } = await getAction(this.name);
            this.conflict.value = { theirs: body, etag: headers.get("ETag") ?? `"${body.version}"` };
            this.conflictOpen.value = true;
        } catch (error) {
            failed(error);
        }
    }

    /** Mine becomes the next version after theirs; theirs stays among the versions. */
    async saveOverTheirs(): Promise<void> {
        const found = this.conflict.value;
        const mine = this.draft.value;
        if (!found || !mine) return;
        this.base.value = found.theirs;
        this.etag = found.etag;
        this.conflict.value = null;
        this.conflictOpen.value = false;
        await this.save();
    }

    /** Their version is edited from now on; mine is set aside. */
    takeTheirs(): void {
        const found = this.conflict.value;
        if (!found) return;
        this.setAside.value = this.draft.value;
        this.take(found.theirs, new Headers({ ETag: found.etag }));
    }

    bringBack(): void {
        const mine = this.setAside.value;
        this.setAside.value = null;
        if (!mine) return;
        this.replace(mine);
        this.change({});
    }

    discard(): void {
        const base = this.base.value;
        if (!base) return;
        this.replace(draftOf(base));
        keepDraft(this.name, base.version, null);
    }

    /** After a roll-back: what the service holds now. */
    async reread(): Promise<void> {
        if (this.pending.value) return this.meet();
        try {
            const { body, headers } = await getAction(this.name);
            this.take(body, headers);
            this.deleted.value = false;
        } catch (error) {
            if (asApiError(error).status === 404) this.deleted.value = true;
            else failed(error);
        }
        return undefined;
    }

    /** Follows what others do to it; returns what ends that. */
    watch(): () => void {
        const changed = (data: unknown) => {
            const event = data as { name: string; deleted: boolean; version?: string };
            if (event.name !== this.name || this.saving.value || event.version === this.base.value?.version) return;
            if (event.deleted) this.deleted.value = true;
            else void this.checkVersion();
        };
        const ends = [onEvent("action", changed), onGap(() => void this.checkVersion())];
        return () => ends.forEach((end) => end());
    }

    private async checkVersion(): Promise<void> {
        if (this.saving.value || this.conflict.value) return;
        const { body, headers } = await getAction(this.name).catch(() => ({ body: null, headers: null }));
        if (!body || body.version === this.base.value?.version || this.saving.value) return;
        this.deleted.value = false;
        if (this.pending.value)
            this.conflict.value = { theirs: body, etag: headers.get("ETag") ?? `"${body.version}"` };
        else this.take(body, headers);
    }
}
