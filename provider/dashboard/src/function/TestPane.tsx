// Try it: a payload, a button, then what it answered, wrote, and where the time went.

import { useEffect, useRef, useState } from "preact/hooks";
import { getActivation, invoke } from "../api/calls";
import { ApiError, asApiError } from "../api/client";
import { annotation, type Activation } from "../api/types";
import { took } from "../format";
import { href, place, setQuery } from "../router";
import { toRun } from "../state/activations";
import { pretty } from "../text";
import { Button, CopyButton, ErrorNote, Loading, StatusBadge } from "../ui/basics";
import { LogView, Value } from "../ui/LogView";
import { PhaseBar, phasesOf } from "../ui/Phases";
import type { Editing } from "./editing";

const slot = (name: string) => `argo.payload.${name}`;

export function testPayload(name: string): string {
    return sessionStorage.getItem(slot(name)) ?? "{}";
}

export function keepPayload(name: string, payload: string): void {
    sessionStorage.setItem(slot(name), payload);
}

type Outcome = { record: Activation; stored: boolean } | { error: ApiError };

const LOOKS = 40;

/** The record as stored: logs and phases come with it, a moment after the answer. */
async function stored(id: string, signal: AbortSignal): Promise<Activation> {
    for (let look = 0; ; look++) {
        try {
            return await getActivation(id);
        } catch (error) {
            if (asApiError(error).status !== 404 || look === LOOKS || signal.aborted) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 100 + look * 100));
    }
}

export function TestPane({ editing }: { editing: Editing }) {
    const [payload, setPayload] = useState(() => testPayload(editing.name));
    const [outcome, setOutcome] = useState<Outcome | null>(null);
    const [running, setRunning] = useState(false);
    const turn = useRef<AbortController | null>(null);
    const wrong = problem(payload);

    const run = async () => {
        if (running || problem(payload) !== "") return;
        setRunning(true);
        turn.current = new AbortController();
        const { signal } = turn.current;
        try {
            if (!(await editing.save())) return;
            const answer = await invoke(editing.name, JSON.parse(payload.trim() || "{}"), signal);
            const id = answer.body.activationId ?? "";
            if (answer.body.response) setOutcome({ record: answer.body as Activation, stored: false });
            setOutcome({ record: await stored(id, signal), stored: true });
        } catch (error) {
            if (!signal.aborted) setOutcome({ error: asApiError(error) });
        } finally {
            setRunning(false);
        }
    };
    const latest = useRef(run);
    latest.current = run;
    useEffect(() => {
        const key = (event: KeyboardEvent) => {
            if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
                event.preventDefault();
                void latest.current();
            }
        };
        document.addEventListener("keydown", key, true);
        if (place.value.query.get("run") === "1") {
            setQuery({ run: "" });
            void latest.current();
        }
        return () => {
            document.removeEventListener("keydown", key, true);
            turn.current?.abort();
        };
    }, []);

    return (
        <section class="card test-card" aria-label="Test">
            <header class="card-head">
                <h2>Test</h2>
                <span class="push" />
                {running && <Button onClick={() => turn.current?.abort()}>Stop waiting</Button>}
                <Button
                    kind="primary"
                    icon="play"
                    disabled={running || wrong !== ""}
                    title="Ctrl Enter"
                    onClick={() => void run()}
                >
                    {running ? "Running …" : editing.pending.value ? "Save and run" : "Run"}
                </Button>
            </header>
            <label class="field">
                <span>Payload</span>
                <textarea
                    class="mono"
                    rows={4}
                    spellcheck={false}
                    aria-invalid={wrong !== ""}
                    aria-describedby="payload-problem"
                    value={payload}
                    onInput={(event) => {
                        setPayload(event.currentTarget.value);
                        keepPayload(editing.name, event.currentTarget.value);
                    }}
                />
                <span id="payload-problem" class="small bad">
                    {wrong}
                </span>
            </label>
            {running && !outcome && <Loading what="the answer" />}
            {outcome ? (
                <Shown outcome={outcome} />
            ) : (
                !running && <p class="muted small">Run it to see its result, its logs and where the time went.</p>
            )}
        </section>
    );
}

function problem(payload: string): string {
    if (payload.trim() === "") return "";
    try {
        const value: unknown = JSON.parse(payload);
        return typeof value === "object" && value !== null && !Array.isArray(value)
            ? ""
            : 'A payload is a JSON object, e.g. {"name": "you"}.';
    } catch (error) {
        return error instanceof Error ? error.message : "This is no JSON.";
    }
}

function Shown({ outcome }: { outcome: Outcome }) {
    if ("error" in outcome) return <ErrorNote error={outcome.error} />;
    const { record } = outcome;
    const run = toRun(record);
    const text = pretty(record.response?.result);
    const phases = phasesOf(annotation(record, "argo.phases"));
    const lines = record.logs ?? [];
    return (
        <div class="outcome" data-testid="outcome">
            <p class="row wrap">
                <StatusBadge status={run.status} />
                {run.cold && <span class="badge tier-cold">cold start</span>}
                {run.tier === "native" && <span class="badge tier-native">native</span>}
                <strong class="number">{took(record.duration)}</strong>
                <span class="push" />
                <a class="small" href={href("activations", record.activationId)}>
                    Activation {record.activationId.slice(0, 12)}
                </a>
            </p>
            {phases && <PhaseBar phases={phases} />}
            <div class="labelled">
                <h3>Result</h3>
                <CopyButton text={text} what="result" />
            </div>
            <Value text={text} label="Result" />
            <h3>Logs</h3>
            {lines.length > 0 ? (
                <LogView lines={lines} />
            ) : (
                <p class="muted small">{outcome.stored ? "It wrote nothing." : "Its logs are being collected …"}</p>
            )}
        </div>
    );
}
