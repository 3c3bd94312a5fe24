// What this function did lately, and its logs as they are written.

import { useEffect, useState } from "preact/hooks";
import { listActivations } from "../api/calls";
import type { Activation } from "../api/types";
import { clock, took } from "../format";
import { href } from "../router";
import { toRun, type Run } from "../state/activations";
import { nameOf } from "../state/functions";
import { onEvent, onGap, Stream } from "../state/stream";
import { Button, Card, ErrorNote, Loading, StatusBadge } from "../ui/basics";
import { useLoad } from "../ui/load";
import { LogView } from "../ui/LogView";

const SHOWN = 30;
const MOST_LINES = 5000;

export function Activity({ name }: { name: string }) {
    return (
        <div class="columns">
            <div class="column">
                <Recent name={name} />
            </div>
            <div class="column">
                <Follow name={name} />
            </div>
        </div>
    );
}

function Recent({ name }: { name: string }) {
    const { value, error, reload } = useLoad(() => listActivations({ limit: SHOWN, name }), [name]);
    const [live, setLive] = useState<Run[]>([]);
    useEffect(() => {
        const ends = [
            onEvent("activation", (data) => {
                const record = data as Activation;
                if (nameOf(record) === name) setLive((before) => [toRun(record), ...before].slice(0, SHOWN));
            }),
            onGap(reload),
        ];
        return () => ends.forEach((end) => end());
    }, [name, reload]);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!value) return <Loading what="activations" />;
    const seen = new Set(live.map((run) => run.id));
    const shown = [...live, ...value.map(toRun).filter((run) => !seen.has(run.id))].slice(0, SHOWN);
    return (
        <Card
            title="Latest activations"
            aside={
                <a class="small" href={`${href("activations")}?name=${encodeURIComponent(name)}`}>
                    all of them
                </a>
            }
        >
            {shown.length === 0 ? (
                <p class="muted">It has not run yet. Run it from the Code tab.</p>
            ) : (
                <ul class="plain-list" aria-label="Latest activations">
                    {shown.map((run) => (
                        <li key={run.id} class="run-line">
                            <a href={href("activations", run.id)}>
                                <time dateTime={new Date(run.start).toISOString()}>{clock(run.start)}</time>
                            </a>
                            <StatusBadge status={run.status} />
                            {run.cold ? <span class="badge tier-cold">cold</span> : <span />}
                            <span class="number push">{took(run.duration)}</span>
                        </li>
                    ))}
                </ul>
            )}
        </Card>
    );
}

function Follow({ name }: { name: string }) {
    const [lines, setLines] = useState<string[]>([]);
    const [state, setState] = useState("connecting");
    const [on, setOn] = useState(true);
    useEffect(() => {
        if (!on) return undefined;
        let waiting: string[] = [];
        let frame = 0;
        const show = () => {
            frame = 0;
            const more = waiting;
            waiting = [];
            setLines((before) => [...before, ...more].slice(-MOST_LINES));
        };
        const add = (more: string[]) => {
            waiting.push(...more.slice(-MOST_LINES));
            if (frame === 0) frame = requestAnimationFrame(show);
        };
        const stream = new Stream(
            `types=log&name=${encodeURIComponent(name)}`,
            (data) => add((data as { lines?: string[] }).lines ?? []),
            () => add(["… some lines were missed here; the activations have them all"]),
            (connection) => setState(connection.state),
        ).start();
        return () => {
            stream.stop();
            cancelAnimationFrame(frame);
        };
    }, [name, on]);
    return (
        <Card
            title="Logs"
            aside={
                <span class="row">
                    <span class={`live-dot ${on ? state : "off"}`} aria-hidden="true" />
                    <span class="muted small">
                        {on ? (state === "live" ? "following" : "connecting …") : "stopped"}
                    </span>
                    <Button
                        icon={on ? "pause" : "play"}
                        kind="quiet"
                        label={on ? "Stop following" : "Follow"}
                        onClick={() => setOn(!on)}
                    />
                    <Button icon="trash" kind="quiet" label="Clear" onClick={() => setLines([])} />
                </span>
            }
        >
            {lines.length === 0 ? (
                <p class="muted">What the function writes from now on appears here, run after run.</p>
            ) : (
                <LogView lines={lines} follow label="Followed logs" />
            )}
        </Card>
    );
}
