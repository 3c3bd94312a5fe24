// Where the page is: path below /dashboard, and the query, both in the address bar.

import { signal } from "@preact/signals";

export const BASE = "/dashboard";

export interface Place {
    path: string[]; // decoded segments
    query: URLSearchParams;
}

export const place = signal<Place>(read());

function read(): Place {
    const below = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
    const path = below
        .split("/")
        .filter((part) => part !== "")
        .map(decode);
    return { path, query: new URLSearchParams(location.search) };
}

function decode(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}

/** An address below the dashboard, e.g. href("functions", "pkg", "a"). */
export function href(...path: string[]): string {
    return [BASE, ...path.map(encodeURIComponent)].join("/");
}

export function functionHref(name: string, tab = ""): string {
    return href("functions", ...name.split("/")) + (tab === "" ? "" : `?tab=${tab}`);
}

export function navigate(to: string): void {
    history.pushState(null, "", to);
    place.value = read();
    scrollTo(0, 0);
}

/** Changes parts of the query in place; "" takes one out. */
export function setQuery(changes: Record<string, string>): void {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) {
        if (value === "") query.delete(name);
        else query.set(name, value);
    }
    const text = query.toString();
    history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
    place.value = read();
}

export function startRouter(): void {
    addEventListener("popstate", () => {
        place.value = read();
    });
    document.addEventListener("click", (event) => {
        const target = event.target instanceof Element ? event.target.closest("a") : null;
        if (!target || event.defaultPrevented || event.button !== 0) return;
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || target.target !== "") return;
        const url = new URL(target.href, location.href);
        if (url.origin !== location.origin || !(url.pathname + "/").startsWith(BASE + "/")) return;
        event.preventDefault();
        navigate(url.pathname + url.search);
    });
}
