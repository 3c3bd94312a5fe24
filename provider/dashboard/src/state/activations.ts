// Activation records as the feed shows them: the newest from events, older ones read when scrolled to.

import { signal } from "@preact/signals";
import { asApiError, type ApiError } from "../api/client";
import { listActivations } from "../api/calls";
import { annotation, type Activation } from "../api/types";
import { nameOf } from "./functions";
import { onEvent, onGap } from "./stream";

export interface Run {
    id: string;
    name: string;
    start: number;
    duration: number | null;
    status: number; // 0 success, 1 application, 2 developer, 3 platform
    cold: boolean;
    tier: string;
    sandbox: string;
    kind: string;
    cause: string;
}

const PAGE = 200;
const MOST = 100_000;
const STATUS = ["success", "application error", "action developer error", "whisk internal error"];

export const STATUS_NAME = ["success", "application error", "developer error", "platform error"];

export const runs = signal<Run[]>([]);
export const runsLoaded = signal(false);
export const runsError = signal<ApiError | null>(null);
export const runsAtEnd = signal(false);
export const paused = signal(false);
export const arrivedWhilePaused = signal(0);

export function toRun(record: Activation): Run {
    const phases = annotation(record, "argo.phases") as { cold?: unknown } | undefined;
    const status = record.statusCode ?? STATUS.indexOf(record.response?.status ?? "success");
    return {
        id: record.activationId,
        name: nameOf(record),
        start: record.start,
        duration: record.duration ?? null,
        status: Math.max(0, status),
        cold: annotation(record, "initTime") !== undefined || Boolean(phases?.cold),
        tier: text(annotation(record, "argo.tier")),
        sandbox: text(annotation(record, "argo.sandbox")),
        kind: text(annotation(record, "kind")),
        cause: record.cause ?? "",
    };
}

function text(value: unknown): string {
    return typeof value === "string" ? value : "";
}

let waiting: Run[] = [];
let frame = 0;

function arrived(data: unknown): void {
    waiting.push(toRun(data as Activation));
    if (frame === 0) frame = requestAnimationFrame(flush);
}

/** Once a frame: a burst of events is one change of the list. */
function flush(): void {
    frame = 0;
    if (paused.value) {
        arrivedWhilePaused.value = waiting.length;
        return;
    }
    merge(waiting);
    waiting = [];
    arrivedWhilePaused.value = 0;
}

const known = new Set<string>();

/** Newest first. What ended last mostly began last too: only then need the long list not be sorted again. */
function merge(more: Run[]): void {
    const fresh = more.filter((run) => !known.has(run.id) && known.add(run.id)).sort((a, b) => b.start - a.start);
    const [newest, oldest] = [runs.value[0], runs.value.at(-1)];
    const [first, last] = [fresh[0], fresh.at(-1)];
    if (first === undefined || last === undefined) return;
    let merged: Run[];
    if (newest === undefined || last.start >= newest.start) merged = [...fresh, ...runs.value];
    else if (oldest !== undefined && first.start <= oldest.start) merged = [...runs.value, ...fresh];
    else merged = [...runs.value, ...fresh].sort((a, b) => b.start - a.start);
    for (const gone of merged.slice(MOST)) known.delete(gone.id);
    runs.value = merged.slice(0, MOST);
}

export function setPaused(wanted: boolean): void {
    paused.value = wanted;
    if (!wanted) flush();
}

/** Reads the newest; what is there already stays. */
export async function loadNewest(name = ""): Promise<void> {
    try {
        const page = await listActivations({ limit: PAGE, name });
        merge(page.map(toRun));
        runsAtEnd.value = page.length < PAGE;
        runsLoaded.value = true;
        runsError.value = null;
    } catch (error) {
        runsError.value = asApiError(error);
    }
}

let older: Promise<void> | null = null;

/** The page before the oldest that is there; one request at a time. */
export function loadOlder(): Promise<void> {
    older ??= readOlder().finally(() => (older = null));
    return older;
}

async function readOlder(): Promise<void> {
    const oldest = runs.value.at(-1);
    if (runsAtEnd.value || oldest === undefined || runs.value.length >= MOST) return;
    try {
        const before = runs.value.length;
        const same = runs.value.filter((run) => run.start === oldest.start).length;
        const page = await listActivations({ limit: PAGE, upto: oldest.start, skip: same >= PAGE ? same : 0 });
        merge(page.map(toRun));
        runsAtEnd.value = page.length < PAGE || runs.value.length === before;
    } catch (error) {
        runsError.value = asApiError(error);
    }
}

/** Listens until the returned function is called. */
export function watchRuns(): () => void {
    const ends = [onEvent("activation", arrived), onGap(() => void loadNewest())];
    void loadNewest();
    return () => {
        ends.forEach((end) => end());
        cancelAnimationFrame(frame);
        frame = 0;
        waiting = [];
        known.clear();
        runs.value = [];
        runsLoaded.value = false;
        runsAtEnd.value = false;
    };
}
