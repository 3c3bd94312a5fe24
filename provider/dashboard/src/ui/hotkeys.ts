// Keys that work everywhere; never while somebody writes, but for those with Ctrl or Cmd.

import { href, navigate } from "../router";
import { signal } from "@preact/signals";

export const paletteOpen = signal(false);
export const helpOpen = signal(false);

export const KEYS: readonly [string, string][] = [
    ["Ctrl K", "Command palette"],
    ["/", "Search in the list"],
    ["g f", "Functions"],
    ["g a", "Activations"],
    ["g m", "Machine"],
    ["n", "New function"],
    ["Ctrl S", "Save the function"],
    ["Ctrl Enter", "Run the function"],
    ["↑ ↓ j k", "Walk a list"],
    ["Enter", "Open what is chosen"],
    ["?", "This help"],
];

const GO: Record<string, string> = { f: href("functions"), a: href("activations"), m: href("machine") };

let wentG = 0;

export function startHotkeys(): void {
    document.addEventListener("keydown", (event) => {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
            event.preventDefault();
            paletteOpen.value = !paletteOpen.value;
        } else if (!event.ctrlKey && !event.metaKey && !event.altKey && !isWriting(event) && plainKey(event.key)) {
            event.preventDefault();
        }
    });
}

function isWriting(event: KeyboardEvent): boolean {
    const element = event.composedPath()[0];
    if (!(element instanceof HTMLElement)) return false;
    return (
        element.isContentEditable ||
        /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) ||
        element.closest("dialog") !== null
    );
}

function plainKey(key: string): boolean {
    const go = Date.now() - wentG < 1500 ? GO[key] : undefined;
    wentG = key === "g" ? Date.now() : 0;
    if (go !== undefined) navigate(go);
    else if (key === "/") document.querySelector<HTMLElement>("[data-search]")?.focus();
    else if (key === "n") navigate(href("new"));
    else if (key === "?") helpOpen.value = true;
    else return false;
    return true;
}
