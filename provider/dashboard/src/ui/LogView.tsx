// Lines of logs: bounded in number and in length, nothing in them can hide or move.

import { useEffect, useRef, useState } from "preact/hooks";
import { count } from "../format";
import { copy } from "../state/notes";
import { cut, logLine } from "../text";
import { Safe } from "./basics";

const SHOWN_LINES = 1000;
const SHOWN_CHARACTERS = 4000;

export function LogView({
    lines,
    follow = false,
    label = "Logs",
}: {
    lines: readonly string[];
    follow?: boolean;
    label?: string;
}) {
    const [more, setMore] = useState(1);
    const box = useRef<HTMLDivElement>(null);
    const pinned = useRef(true);
    const shown = lines.slice(-SHOWN_LINES * more);
    useEffect(() => {
        const element = box.current;
        if (follow && element && pinned.current) element.scrollTop = element.scrollHeight;
    }, [lines, follow]);
    return (
        <div
            class="logs"
            ref={box}
            role="log"
            aria-label={label}
            aria-live={follow ? "polite" : "off"}
            tabIndex={0}
            onScroll={(event) => {
                const element = event.currentTarget;
                pinned.current = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
            }}
        >
            {shown.length < lines.length && (
                <button type="button" class="link" onClick={() => setMore(more * 4)}>
                    Show {count(Math.min(lines.length - shown.length, SHOWN_LINES * more * 3))} earlier lines
                </button>
            )}
            {shown.map((line, index) => (
                <Line key={lines.length - shown.length + index} line={line} />
            ))}
        </div>
    );
}

function Line({ line }: { line: string }) {
    const [most, setMost] = useState(SHOWN_CHARACTERS);
    const { time, stream, text } = logLine(line);
    const shown = cut(text, most);
    return (
        <div class={`log-line ${stream}`} dir="ltr">
            {time !== "" && (
                <time class="log-time" title={time}>
                    {time.slice(11, 23)}
                </time>
            )}
            {stream === "stderr" && <span class="log-stream">err</span>}
            <span class="log-text">
                <Safe text={shown} />
                {shown.length < text.length && (
                    <>
                        {" … "}
                        <button type="button" class="link" onClick={() => setMost(most * 8)}>
                            {count(text.length - shown.length)} more characters
                        </button>{" "}
                        <button type="button" class="link" onClick={() => void copy(text, "line")}>
                            copy the line
                        </button>
                    </>
                )}
            </span>
        </div>
    );
}

/** A JSON value or text for reading, bounded. */
export function Value({ text, label }: { text: string; label: string }) {
    const [most, setMost] = useState(20_000);
    const shown = cut(text, most);
    return (
        <div class="value">
            <pre tabIndex={0} aria-label={label}>
                <Safe text={shown} />
            </pre>
            {shown.length < text.length && (
                <button type="button" class="link" onClick={() => setMost(most * 8)}>
                    {count(text.length - shown.length)} more characters
                </button>
            )}
        </div>
    );
}
