// A sequence or composition with its parts, on one time axis. Parts of parts are read when opened.

import { useState } from "preact/hooks";
import { getActivation } from "../api/calls";
import { asApiError } from "../api/client";
import { annotation, type Activation } from "../api/types";
import { took } from "../format";
import { href } from "../router";
import { toRun } from "../state/activations";
import { nameOf } from "../state/functions";
import { Card, ErrorNote, Loading, Safe, StatusBadge } from "../ui/basics";
import { useLoad } from "../ui/load";

const ID = /^[0-9a-f]{32}$/;

/** Whether its logs are the ids of its parts. */
export function isWhole(record: Activation): boolean {
    const logs = record.logs ?? [];
    return (
        (annotation(record, "kind") === "sequence" || annotation(record, "conductor") === true) &&
        logs.every((line) => ID.test(line))
    );
}

async function partsOf(record: Activation): Promise<Activation[]> {
    const read = (record.logs ?? []).map((id) =>
        getActivation(id).catch((error: unknown) => {
            if (asApiError(error).status === 404) return null; // not stored yet, or no longer kept
            throw error;
        }),
    );
    return (await Promise.all(read)).filter((part) => part !== null);
}

export function RunTree({ record }: { record: Activation }) {
    const from = record.start;
    const to = record.end ?? record.start + (record.duration ?? 1);
    return (
        <Card title="Parts">
            <ul class="tree" aria-label="Parts of this activation">
                <Node record={record} from={from} to={Math.max(to, from + 1)} open />
            </ul>
        </Card>
    );
}

function Node({ record, from, to, open = false }: { record: Activation; from: number; to: number; open?: boolean }) {
    const [shown, setShown] = useState(open);
    const whole = isWhole(record);
    const left = Math.min(100, ((record.start - from) / (to - from)) * 100);
    const width = Math.max(
        0.8,
        Math.min(100 - left, (((record.end ?? record.start) - record.start) / (to - from)) * 100),
    );
    const run = toRun(record);
    return (
        <li>
            <div class="tree-row">
                {whole ? (
                    <button
                        type="button"
                        class="twist"
                        aria-expanded={shown}
                        aria-label={`Parts of ${run.name}`}
                        onClick={() => setShown(!shown)}
                    >
                        {shown ? "▾" : "▸"}
                    </button>
                ) : (
                    <span class="twist" aria-hidden="true" />
                )}
                <a href={href("activations", record.activationId)} class="tree-name">
                    <Safe text={nameOf(record)} />
                </a>
                <span class="tree-track" aria-hidden="true">
                    <span
                        class={`tree-bar ${run.status === 0 ? "" : "failed"}`}
                        style={{ marginLeft: `${left}%`, width: `${width}%` }}
                    />
                </span>
                <span class="number">{took(record.duration)}</span>
                <StatusBadge status={run.status} />
            </div>
            {whole && shown && <Parts record={record} from={from} to={to} />}
        </li>
    );
}

function Parts({ record, from, to }: { record: Activation; from: number; to: number }) {
    const { value: parts, error, reload } = useLoad(() => partsOf(record), [record.activationId]);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!parts) return <Loading what="the parts" />;
    if (parts.length === 0) return <p class="muted">No part is on record.</p>;
    return (
        <ul>
            {parts.map((part) => (
                <Node key={part.activationId} record={part} from={from} to={to} />
            ))}
        </ul>
    );
}
