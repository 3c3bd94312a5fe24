// One activation: where its time went, what it answered, what it wrote; a sequence with its parts.

import { annotation, type Activation } from "../api/types";
import { getActivation } from "../api/calls";
import { bytes, duration, moment, took } from "../format";
import { functionHref, href } from "../router";
import { toRun } from "../state/activations";
import { nameOf } from "../state/functions";
import { pretty } from "../text";
import { Card, CopyButton, Empty, ErrorNote, Loading, Safe, StatusBadge } from "../ui/basics";
import { useLoad } from "../ui/load";
import { LogView, Value } from "../ui/LogView";
import { PhaseBar, phasesOf } from "../ui/Phases";
import { isWhole, RunTree } from "./RunTree";

export default function ActivationPage({ id }: { id: string }) {
    const { value: record, error, reload } = useLoad(() => getActivation(id), [id]);
    if (error?.status === 404) {
        return (
            <Empty title="This activation is not on record" whole>
                <p>It may still run, or be older than records are kept.</p>
                <div class="row">
                    <button type="button" class="button" onClick={reload}>
                        Look again
                    </button>
                    <a class="button" href={href("activations")}>
                        All activations
                    </a>
                </div>
            </Empty>
        );
    }
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!record) return <Loading what="the record" />;
    return (
        <div class="page">
            <Head record={record} />
            <div class="columns">
                <div class="column">
                    <Timeline record={record} />
                    {isWhole(record) && <RunTree record={record} />}
                    <Result record={record} />
                </div>
                <div class="column">
                    <Logs record={record} />
                    <Facts record={record} />
                </div>
            </div>
        </div>
    );
}

function Head({ record }: { record: Activation }) {
    const run = toRun(record);
    return (
        <header class="page-head">
            <div>
                <p class="crumbs">
                    <a href={href("activations")}>Activations</a>
                    <span aria-hidden="true"> / </span>
                    <a href={functionHref(nameOf(record))}>
                        <Safe text={nameOf(record)} />
                    </a>
                </p>
                <h1 class="mono-title">
                    {record.activationId} <CopyButton text={record.activationId} what="activation id" />
                </h1>
            </div>
            <span class="push" />
            <StatusBadge status={run.status} />
            {run.cold && <span class="badge tier-cold">cold start</span>}
            {run.tier === "native" && <span class="badge tier-native">native</span>}
            {annotation(record, "argo.canary") === true && <span class="badge tier-hot">canary</span>}
        </header>
    );
}

function Timeline({ record }: { record: Activation }) {
    const phases = phasesOf(annotation(record, "argo.phases"));
    const wait = annotation(record, "waitTime");
    const init = annotation(record, "initTime");
    const coarse = {
        ...(typeof wait === "number" && wait > 0 ? { queue: wait } : {}),
        ...(typeof init === "number" ? { init } : {}),
        run: (record.duration ?? 0) - (typeof init === "number" ? init : 0),
    };
    return (
        <Card title="Timeline" aside={<strong class="number">{took(record.duration)}</strong>}>
            {record.duration === undefined ? (
                <p class="muted">A trigger’s record has no end: it only says which actions it started.</p>
            ) : (
                <PhaseBar phases={phases ?? coarse} />
            )}
            <p class="muted small">
                {moment(record.start)}
                {record.cause !== undefined && (
                    <>
                        {" · part of "}
                        <a href={href("activations", record.cause)}>{record.cause.slice(0, 12)}</a>
                    </>
                )}
            </p>
        </Card>
    );
}

function Result({ record }: { record: Activation }) {
    const text = pretty(record.response?.result);
    return (
        <Card title="Result" aside={text !== "" && <CopyButton text={text} what="result" />}>
            {text === "" ? <p class="muted">It answered nothing.</p> : <Value text={text} label="Result" />}
        </Card>
    );
}

function Logs({ record }: { record: Activation }) {
    const lines = isWhole(record) ? [] : (record.logs ?? []);
    if (isWhole(record)) return null;
    return (
        <Card title="Logs" aside={lines.length > 0 && <CopyButton text={lines.join("\n")} what="logs" />}>
            {lines.length === 0 ? (
                <p class="muted">It wrote nothing. What a function prints to stdout and stderr stands here.</p>
            ) : (
                <LogView lines={lines} />
            )}
        </Card>
    );
}

function said(record: Activation, key: string): string {
    const value = annotation(record, key);
    return typeof value === "string" ? value : "–";
}

function Facts({ record }: { record: Activation }) {
    const limits = annotation(record, "limits") as { memory?: number; timeout?: number } | undefined;
    const facts: [string, string][] = [
        ["Function", `${nameOf(record)} @ ${record.version}`],
        ["Kind", said(record, "kind")],
        ["Sandbox", said(record, "argo.sandbox")],
        ["Tier", said(record, "argo.tier")],
        ["Status", record.response?.status ?? "–"],
        ["Answer", bytes(record.response?.size)],
        ["Limits", limits ? `${limits.memory ?? "–"} MB, ${duration(limits.timeout)}` : "–"],
    ];
    return (
        <Card title="Facts">
            <dl class="facts">
                {facts.map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>
                            <Safe text={value} />
                        </dd>
                    </div>
                ))}
            </dl>
        </Card>
    );
}
