// Light, dark, or as the system has it.

import { computed, effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

const SLOT = "argo.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);

export const theme = signal<Theme>(read());
export const dark = computed(() => (theme.value === "auto" ? systemDark.value : theme.value === "dark"));

function read(): Theme {
    const stored = localStorage.getItem(SLOT);
    return stored === "light" || stored === "dark" ? stored : "auto";
}

export function nextTheme(): void {
    theme.value = dark.value ? "light" : "dark";
    localStorage.setItem(SLOT, theme.value);
}

export function startTheme(): void {
    system.addEventListener("change", (event) => (systemDark.value = event.matches));
    effect(() => {
        document.documentElement.dataset["theme"] = dark.value ? "dark" : "light";
    });
}
