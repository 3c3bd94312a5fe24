// The event stream: one connection for the page, resumed where it broke off.

import { signal } from "@preact/signals";
import { authorization } from "../api/client";
import { EventParser } from "../api/sse";
import { session, signOut } from "./session";

export type Handler = (data: unknown, type: string) => void;

interface Connection {
    state: "connecting" | "live" | "lost";
    /** When the next attempt is made, epoch ms. */
    retryAt: number;
    attempts: number;
}

const BASE_TYPES = "activation,action,tier,build,sandbox,pool";
const LONGEST_WAIT_MS = 10_000;
const SILENCE_MS = 40_000; // the server sends a heart-beat every 15 s

export const connection = signal<Connection>({ state: "connecting", retryAt: 0, attempts: 0 });

/** One resumable stream. `onGap` is called when events were lost, so that lists are read again. */
export class Stream {
    private last = "";
    private abort = new AbortController();
    private stopped = false;
    private wake: (() => void) | null = null;
    private attempts = 0;

    constructor(
        private readonly query: string,
        private readonly onEvent: Handler,
        private readonly onGap: () => void,
        private readonly onState: (state: Connection) => void = () => undefined,
    ) {}

    start(): this {
        void this.run();
        return this;
    }

    stop(): void {
        this.stopped = true;
        this.abort.abort();
        this.wake?.();
    }

    /** Ends the wait before the next attempt. */
    retryNow(): void {
        this.wake?.();
    }

    private async run(): Promise<void> {
        while (!this.stopped) {
            await this.connectOnce();
            if (this.stopped) return;
            this.attempts += 1;
            const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** Math.min(this.attempts, 6)) * (0.75 + Math.random() / 2);
            this.onState({ state: "lost", retryAt: Date.now() + wait, attempts: this.attempts });
            await this.pause(wait);
        }
    }

    private pause(ms: number): Promise<void> {
        return new Promise((resolve) => {
            const timer = setTimeout(resolve, ms);
            this.wake = () => {
                clearTimeout(timer);
                resolve();
            };
        });
    }

    private async connectOnce(): Promise<void> {
        const key = session.value?.key;
        if (key === undefined) return;
        this.abort = new AbortController();
        const headers: Record<string, string> = { Authorization: authorization(key), Accept: "text/event-stream" };
        if (this.last !== "") headers["Last-Event-ID"] = this.last;
        try {
            const response = await fetch(`/api/v1/argo/events?${this.query}`, {
                headers,
                credentials: "omit",
                cache: "no-store",
                signal: this.abort.signal,
            });
            if (response.status === 401) signOut("The key is no longer accepted. Sign in again.");
            if (!response.ok || response.body === null) return;
            await this.read(response.body);
        } catch {
            // The reason does not matter: `run` tries again, and the banner says so.
        }
    }

    private async read(body: ReadableStream<Uint8Array>): Promise<void> {
        const resumed = this.last !== "" || this.attempts > 0;
        this.attempts = 0;
        this.onState({ state: "live", retryAt: 0, attempts: 0 });
        if (resumed && this.last === "") this.onGap();
        const reader = body
            .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
            .getReader();
        const parser = new EventParser((event) => {
            if (event.type === "gap") this.onGap();
            else this.onEvent(parse(event.data), event.type);
        });
        for (;;) {
            const timer = setTimeout(() => this.abort.abort(), SILENCE_MS);
            try {
                const { done, value } = await reader.read();
                if (done) return;
                parser.feed(value);
                if (parser.lastId !== "") this.last = parser.lastId;
            } finally {
                clearTimeout(timer);
            }
        }
    }
}

function parse(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}

// ---------------------------------------------------------------- the page's own stream

const handlers = new Map<string, Set<Handler>>();
const gapHandlers = new Set<() => void>();
let main: Stream | null = null;

/** Called for each event of `type` while the page is signed in. Returns what ends it. */
export function onEvent(type: string, handler: Handler): () => void {
    const of = handlers.get(type) ?? new Set();
    handlers.set(type, of.add(handler));
    return () => of.delete(handler);
}

/** Called when events were missed for good: read your list again. */
export function onGap(handler: () => void): () => void {
    gapHandlers.add(handler);
    return () => gapHandlers.delete(handler);
}

export function openStream(): void {
    closeStream();
    connection.value = { state: "connecting", retryAt: 0, attempts: 0 };
    main = new Stream(
        `types=${BASE_TYPES}`,
        (data, type) => handlers.get(type)?.forEach((handler) => handler(data, type)),
        () => gapHandlers.forEach((handler) => handler()),
        (state) => (connection.value = state),
    ).start();
}

export function closeStream(): void {
    main?.stop();
    main = null;
}

export function retryNow(): void {
    main?.retryNow();
}

addEventListener("online", retryNow);
