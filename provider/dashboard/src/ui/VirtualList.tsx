// A long list of rows of one height, of which only those in view exist. Arrow keys walk it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props<T> {
    items: T[];
    rowHeight: number;
    label: string;
    row: (item: T) => ComponentChildren;
    keyOf: (item: T) => string;
    onOpen: (item: T) => void;
    head?: ComponentChildren;
    onEnd?: () => void;
    columns: number;
}

const OVERSCAN = 8;

export function VirtualList<T>(props: Props<T>) {
    const { items, rowHeight } = props;
    const box = useRef<HTMLDivElement>(null);
    const [view, setView] = useState({ top: 0, height: 800 });
    const [active, setActive] = useState(-1);

    useEffect(() => {
        const element = box.current;
        if (!element) return undefined;
        const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
        const observer = new ResizeObserver(measure);
        observer.observe(element);
        measure();
        return () => observer.disconnect();
    }, []);

    const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
    const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
    const { onEnd } = props;
    useEffect(() => {
        if (onEnd && last >= items.length - OVERSCAN) onEnd();
    }, [last, items.length, onEnd]);

    const walk = (event: KeyboardEvent) => {
        const step = stepOf(event.key, Math.max(1, Math.floor(view.height / rowHeight) - 1), items.length);
        const open = items[active];
        if (event.key === "Enter" && open !== undefined && event.target === event.currentTarget) props.onOpen(open);
        if (step === 0) return;
        event.preventDefault();
        const next = Math.min(items.length - 1, Math.max(0, active + step));
        setActive(next);
        reveal(box.current, next, rowHeight);
    };
    const activeId = active >= first && active < last ? `row-${active}` : undefined;
    return (
        <div
            class="vlist"
            role="grid"
            tabIndex={0}
            aria-label={`${props.label}: arrow keys walk, Enter opens`}
            aria-rowcount={items.length + 1}
            aria-colcount={props.columns}
            aria-activedescendant={activeId}
            onKeyDown={walk}
        >
            {props.head}
            <div
                class="vlist-body"
                role="rowgroup"
                ref={box}
                onScroll={(event) =>
                    setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })
                }
            >
                <div class="vlist-space" role="presentation" style={{ height: `${items.length * rowHeight}px` }}>
                    <div
                        class="vlist-window"
                        role="presentation"
                        style={{ transform: `translateY(${first * rowHeight}px)` }}
                    >
                        {items.slice(first, last).map((item, index) => (
                            <div
                                key={props.keyOf(item)}
                                id={`row-${first + index}`}
                                class={`vrow ${first + index === active ? "active" : ""}`}
                                role="row"
                                aria-rowindex={first + index + 2}
                                aria-selected={first + index === active}
                                style={{ height: `${rowHeight}px` }}
                                onClick={(event) => {
                                    if (!(event.target as Element).closest("a")) props.onOpen(item);
                                }}
                            >
                                {props.row(item)}
                            </div>
                        ))}
                    </div>
                </div>
            </div>
        </div>
    );
}

function stepOf(key: string, page: number, all: number): number {
    const steps: Record<string, number> = {
        ArrowDown: 1,
        ArrowUp: -1,
        j: 1,
        k: -1,
        PageDown: page,
        PageUp: -page,
        Home: -all,
        End: all,
    };
    return steps[key] ?? 0;
}

function reveal(box: HTMLElement | null, index: number, rowHeight: number): void {
    if (!box) return;
    const top = index * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
}
