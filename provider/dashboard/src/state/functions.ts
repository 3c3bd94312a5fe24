// The functions of the namespace: read page by page, kept fresh by events and a slow re-read.

import { signal } from "@preact/signals";
import { ApiError, asApiError } from "../api/client";
import { listFunctions } from "../api/calls";
import type { Activation, FunctionRow, Tier, TierStory } from "../api/types";
import { annotation } from "../api/types";
import { onEvent, onGap } from "./stream";

const PAGE = 200; // the most that the service gives at once
const LEAST_PAUSE_MS = 4000;

export const functions = signal<FunctionRow[]>([]);
export const functionsLoaded = signal(false);
export const functionsError = signal<ApiError | null>(null);

let reading: AbortController | null = null;
let lastTook = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Reads the whole list. The first time, each page is shown as it comes; later, the new list replaces the old at once. */
export async function loadFunctions(): Promise<void> {
    reading?.abort();
    const mine = (reading = new AbortController());
    const began = performance.now();
    const found: FunctionRow[] = [];
    try {
        for (let total = 1; found.length < total;) {
            const page = await listFunctions(PAGE, found.length, mine.signal);
            total = page.total;
            found.push(...page.functions);
            if (!functionsLoaded.value || page.functions.length === 0) functions.value = [...found];
            if (page.functions.length === 0) break;
        }
        functions.value = found;
        functionsLoaded.value = true;
        functionsError.value = null;
    } catch (error) {
        if (!mine.signal.aborted) functionsError.value = asApiError(error);
    }
    lastTook = performance.now() - began;
}

function loadSoon(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void loadFunctions(), 400);
}

function change(name: string, how: (row: FunctionRow) => FunctionRow): void {
    const at = functions.value.findIndex((row) => row.name === name);
    const row = functions.value[at];
    if (row === undefined) return;
    const copy = functions.value.slice();
    copy[at] = how(row);
    functions.value = copy;
}

/** "pkg/a" of a record: its path without the namespace. */
export function nameOf(activation: Activation): string {
    const path = annotation(activation, "path");
    return typeof path === "string" ? path.split("/").slice(1).join("/") : activation.name;
}

const TIER_OF: Record<string, Tier> = { native: "native", canary: "native", observed: "hot", building: "hot" };

/** Keeps the list fresh until the returned function is called. */
export function watchFunctions(): () => void {
    void loadFunctions();
    const ends = [
        onGap(() => void loadFunctions()),
        onEvent("action", loadSoon),
        onEvent("tier", (data) => {
            const story = data as TierStory;
            const tier = TIER_OF[story.state];
            change(story.name, (row) => ({ ...row, state: story.state, ...(tier ? { tier } : {}) }));
        }),
    ];
    let stopped = false;
    const again = async () => {
        while (!stopped) {
            await new Promise((resolve) => setTimeout(resolve, Math.max(LEAST_PAUSE_MS, lastTook * 20)));
            if (!stopped && !document.hidden && functionsLoaded.value) await loadFunctions();
        }
    };
    void again();
    return () => {
        stopped = true;
        reading?.abort();
        clearTimeout(timer);
        ends.forEach((end) => end());
        functions.value = [];
        functionsLoaded.value = false;
    };
}
