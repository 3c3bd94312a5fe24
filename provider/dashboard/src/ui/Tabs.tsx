// Tabs whose choice is kept in the address.

import { useRef } from "preact/hooks";

export interface Tab {
    id: string;
    title: string;
}

export function Tabs(props: { tabs: readonly Tab[]; chosen: string; onChoose: (id: string) => void; label: string }) {
    const list = useRef<HTMLDivElement>(null);
    const walk = (event: KeyboardEvent) => {
        const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
        if (step === 0) return;
        const at = props.tabs.findIndex((tab) => tab.id === props.chosen);
        const next = props.tabs[(at + step + props.tabs.length) % props.tabs.length];
        if (!next) return;
        props.onChoose(next.id);
        list.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
    };
    return (
        <div class="tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={walk}>
            {props.tabs.map((tab) => (
                <button
                    type="button"
                    key={tab.id}
                    id={`tab-${tab.id}`}
                    role="tab"
                    aria-selected={tab.id === props.chosen}
                    aria-controls="tab-panel"
                    tabIndex={tab.id === props.chosen ? 0 : -1}
                    onClick={() => props.onChoose(tab.id)}
                >
                    {tab.title}
                </button>
            ))}
        </div>
    );
}
