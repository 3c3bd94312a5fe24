// A function as it is being edited, and what of it would be saved.

import type { ActionPut } from "../api/calls";
import type { Action, Exec, KeyValue, Limits } from "../api/types";
import { fromField, toField } from "../text";

export interface Row {
    key: string;
    text: string; // as in the field: text plainly, all else as JSON
    init: boolean;
}

export interface Draft {
    code: string;
    binary: boolean;
    main: string;
    components: string[];
    parameters: Row[];
    annotations: Row[];
    limits: Limits;
}

/** Annotations that the service sets itself. */
const OWN = new Set(["exec"]);

export function draftOf(action: Action): Draft {
    const isSequence = action.exec.kind === "sequence";
    return {
        code: action.exec.code ?? "",
        binary: action.exec.binary ?? false,
        main: action.exec.main ?? "",
        components: action.exec.components ?? [],
        parameters: isSequence ? [] : rows(action.parameters),
        annotations: rows(action.annotations.filter((each) => !OWN.has(each.key))),
        limits: { ...action.limits },
    };
}

function rows(of: KeyValue[]): Row[] {
    return of
        .map((each) => ({ key: each.key, text: toField(each.value), init: each.init ?? false }))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function keyValues(of: Row[]): KeyValue[] {
    return of
        .filter((row) => row.key !== "")
        .map((row) => ({ key: row.key, value: fromField(row.text), ...(row.init ? { init: true } : {}) }));
}

function same(a: unknown, b: unknown): boolean {
    return JSON.stringify(a) === JSON.stringify(b);
}

/** The parts of a draft that differ from `base`, as a PUT takes them; null where none does. */
export function changes(base: Action, draft: Draft): ActionPut | null {
    const before = draftOf(base);
    const put: ActionPut = {};
    if (!same([before.code, before.main, before.components], [draft.code, draft.main, draft.components]))
        put.exec = execOf(base.exec, draft);
    if (!same(before.parameters, draft.parameters)) put.parameters = keyValues(draft.parameters);
    if (!same(before.limits, draft.limits)) put.limits = draft.limits;
    if (!same(before.annotations, draft.annotations)) {
        put.annotations = keyValues(draft.annotations);
        const kept = new Set(draft.annotations.map((row) => row.key));
        const gone = before.annotations.map((row) => row.key).filter((key) => !kept.has(key));
        if (gone.length > 0) put.delAnnotations = gone;
    }
    return Object.keys(put).length === 0 ? null : put;
}

function execOf(base: Exec, draft: Draft): Exec {
    if (base.kind === "sequence") return { kind: base.kind, components: draft.components };
    const exec: Exec = { kind: base.kind, code: draft.code };
    if (base.image !== undefined) exec.image = base.image;
    if (draft.main !== "") exec.main = draft.main;
    return exec;
}

/** Which parts differ, in words, for the conflict. */
export function differing(a: Draft, b: Draft): string[] {
    const parts: [string, unknown, unknown][] = [
        ["code", a.code, b.code],
        ["entry point", a.main, b.main],
        ["components", a.components, b.components],
        ["parameters", a.parameters, b.parameters],
        ["annotations", a.annotations, b.annotations],
        ["limits", a.limits, b.limits],
    ];
    return parts.filter(([, left, right]) => !same(left, right)).map(([name]) => name);
}

// ---------------------------------------------------------------- kept over a reload

interface Kept {
    base: string; // version that was edited
    draft: Draft;
}

const slot = (name: string) => `argo.draft.${name}`;

export function keepDraft(name: string, base: string, draft: Draft | null): void {
    try {
        if (draft) sessionStorage.setItem(slot(name), JSON.stringify({ base, draft } satisfies Kept));
        else sessionStorage.removeItem(slot(name));
    } catch {
        // Code beyond the tab's quota is kept by the open page alone; leaving it asks first.
    }
}

export function keptDraft(name: string): Kept | null {
    try {
        return JSON.parse(sessionStorage.getItem(slot(name)) ?? "null") as Kept | null;
    } catch {
        return null;
    }
}
