// Every request of the page passes here: same origin, Basic key, errors with their transaction id.

import { session, signOut } from "../state/session";

/** What the service refused, or that it did not answer (status 0). `code` is the transaction id. */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        message: string,
        readonly code: string,
    ) {
        super(message);
    }
}

export interface Answer<T> {
    body: T;
    status: number;
    headers: Headers;
}

interface Options {
    body?: unknown;
    headers?: Record<string, string>;
    signal?: AbortSignal;
    /** Statuses from 400 on whose body is an answer all the same. */
    also?: readonly number[];
}

export const SERVER_AWAY = "The server does not answer.";

export function authorization(key: string): string {
    const bytes = new TextEncoder().encode(key);
    return "Basic " + btoa(String.fromCharCode(...bytes));
}

export async function request(method: string, path: string, options: Options = {}): Promise<Response> {
    const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
    const key = session.value?.key;
    if (key !== undefined) headers["Authorization"] ??= authorization(key);
    if (options.body !== undefined) headers["Content-Type"] = "application/json";
    try {
        return await fetch(path, {
            method,
            headers,
            credentials: "omit", // or the browser asks for a password in a window of its own
            cache: "no-store",
            ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
            ...(options.signal ? { signal: options.signal } : {}),
        });
    } catch (error) {
        if (options.signal?.aborted) throw error;
        throw new ApiError(0, SERVER_AWAY, "");
    }
}

/** The JSON of an answer; ApiError where it is none, or an error status that is not in `also`. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<Answer<T>> {
    const response = await request(method, path, options);
    if (response.status === 401 && session.value) signOut("The key is no longer accepted. Sign in again.");
    const failed = response.status >= 400 && !options.also?.includes(response.status);
    const text = await bodyOf(response);
    let body: unknown;
    try {
        body = text === "" ? null : JSON.parse(text);
    } catch {
        body = text;
    }
    if (failed) throw errorOf(response, body);
    return { body: body as T, status: response.status, headers: response.headers };
}

async function bodyOf(response: Response): Promise<string> {
    try {
        return await response.text();
    } catch {
        throw new ApiError(0, "The connection broke off in the middle of an answer.", "");
    }
}

export function errorOf(response: Response, body: unknown): ApiError {
    const said = body as { error?: unknown; code?: unknown } | null;
    const text = typeof said?.error === "string" ? said.error : `The server answered ${response.status}.`;
    const code = typeof said?.code === "string" ? said.code : (response.headers.get("X-Request-ID") ?? "");
    return new ApiError(response.status, text, code);
}

export async function get<T>(path: string, options: Options = {}): Promise<T> {
    return (await call<T>("GET", path, options)).body;
}

/** "pkg/a" → "pkg/a" with each part fit for a URL. */
export function encodeName(name: string): string {
    return name.split("/").map(encodeURIComponent).join("/");
}

export function asApiError(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    return new ApiError(0, error instanceof Error ? error.message : String(error), "");
}
