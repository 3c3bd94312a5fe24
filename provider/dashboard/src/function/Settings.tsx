// Parameters, limits and annotations. Saved with the code, as one version.

import type { Limits } from "../api/types";
import { Button, Card } from "../ui/basics";
import type { Row } from "./draft";
import type { Editing } from "./editing";

const LIMITS: readonly { key: keyof Limits; title: string; unit: string; about: string }[] = [
    { key: "memory", title: "Memory", unit: "MB", about: "More memory also means fewer of them at once." },
    { key: "timeout", title: "Time limit", unit: "ms", about: "A run that takes longer is ended as an error." },
    { key: "logs", title: "Logs", unit: "MB", about: "What is written beyond it is cut." },
    { key: "concurrency", title: "At once in one sandbox", unit: "", about: "1: every run has its sandbox to itself." },
];

const SWITCHES: readonly { name: string; on: string; title: string; about: string }[] = [
    { name: "web-export", on: "true", title: "Web action", about: "Anyone who knows the URL may call it." },
    {
        name: "argo.idempotent",
        on: "true",
        title: "Safe to run twice",
        about: "A failed native run is run again on the ordinary runtime, unseen by the caller.",
    },
    {
        name: "argo.warm",
        on: "1",
        title: "Keep one warm",
        about: "A sandbox stays ready, so that a call does not start cold.",
    },
];

const OFF = new Set(["false", "0", "null", ""]);

export function Settings({ editing }: { editing: Editing }) {
    const draft = editing.draft.value;
    const action = editing.base.value;
    if (!draft || !action) return null;
    const isSequence = action.exec.kind === "sequence";
    return (
        <div class="columns">
            <div class="column">
                <Card title="Parameters">
                    {isSequence ? (
                        <p class="muted">A sequence has none of its own: give them to its parts.</p>
                    ) : (
                        <Rows
                            rows={draft.parameters}
                            what="parameter"
                            withInit
                            empty="Values that every call gets, unless the caller sends its own: an address, a limit, a greeting."
                            onChange={(parameters) => editing.change({ parameters })}
                        />
                    )}
                </Card>
                <Card title="Annotations">
                    <Rows
                        rows={draft.annotations}
                        what="annotation"
                        empty="Notes for people, and wishes for the service."
                        onChange={(annotations) => editing.change({ annotations })}
                    />
                </Card>
            </div>
            <div class="column">
                <Card title="Limits">
                    <div class="limit-grid">
                        {LIMITS.map(({ key, title, unit, about }) => (
                            <label class="field" key={key}>
                                <span>
                                    {title} {unit !== "" && <span class="muted">({unit})</span>}
                                </span>
                                <input
                                    type="number"
                                    class="number"
                                    min={0}
                                    value={draft.limits[key]}
                                    onInput={(event) =>
                                        editing.change({
                                            limits: { ...draft.limits, [key]: event.currentTarget.valueAsNumber || 0 },
                                        })
                                    }
                                />
                                <span class="small muted">{about}</span>
                            </label>
                        ))}
                    </div>
                </Card>
                <Card title="Behaviour">
                    {SWITCHES.map((each) => (
                        <Switch
                            key={each.name}
                            {...each}
                            rows={draft.annotations}
                            onChange={(annotations) => editing.change({ annotations })}
                        />
                    ))}
                    {!isSequence && (
                        <label class="field">
                            <span>Entry point</span>
                            <input
                                type="text"
                                class="mono"
                                placeholder="main"
                                value={draft.main}
                                onInput={(event) => editing.change({ main: event.currentTarget.value })}
                            />
                        </label>
                    )}
                </Card>
            </div>
        </div>
    );
}

function Switch(props: {
    name: string;
    on: string;
    title: string;
    about: string;
    rows: Row[];
    onChange: (rows: Row[]) => void;
}) {
    const { name } = props;
    const on = props.rows.some((row) => row.key === name && !OFF.has(row.text));
    const turn = () => {
        const others = props.rows.filter((row) => row.key !== name);
        const added = on ? others : [...others, { key: name, text: props.on, init: false }];
        props.onChange(added.sort((a, b) => (a.key < b.key ? -1 : 1)));
    };
    return (
        <label class="switch">
            <input type="checkbox" role="switch" checked={on} onChange={turn} />
            <span>
                {props.title}
                <span class="small muted">{props.about}</span>
            </span>
        </label>
    );
}

function Rows(props: {
    rows: Row[];
    what: string;
    empty: string;
    withInit?: boolean;
    onChange: (rows: Row[]) => void;
}) {
    const { rows, what } = props;
    const change = (at: number, part: Partial<Row>) =>
        props.onChange(rows.map((row, other) => (other === at ? { ...row, ...part } : row)));
    const twice = rows.some((row, at) => rows.findIndex((other) => other.key === row.key) !== at);
    return (
        <div class="rows">
            {rows.length === 0 && <p class="muted">{props.empty}</p>}
            {rows.map((row, at) => (
                <div class="kv" key={at}>
                    <input
                        type="text"
                        aria-label={`Name of ${what} ${at + 1}`}
                        placeholder="name"
                        value={row.key}
                        onInput={(event) => change(at, { key: event.currentTarget.value })}
                    />
                    <input
                        type="text"
                        class="mono"
                        aria-label={`Value of ${row.key || `${what} ${at + 1}`}`}
                        placeholder="text or JSON"
                        value={row.text}
                        onInput={(event) => change(at, { text: event.currentTarget.value })}
                    />
                    {props.withInit && (
                        <label class="check" title="Given once, as an environment variable, when the code is loaded">
                            <input
                                type="checkbox"
                                checked={row.init}
                                onChange={() => change(at, { init: !row.init })}
                            />
                            env
                        </label>
                    )}
                    <Button
                        icon="trash"
                        kind="quiet"
                        label={`Remove ${row.key || what}`}
                        onClick={() => props.onChange(rows.filter((_, other) => other !== at))}
                    />
                </div>
            ))}
            {twice && <p class="small bad">Two have the same name: the last one counts.</p>}
            <div>
                <Button icon="plus" onClick={() => props.onChange([...rows, { key: "", text: "", init: false }])}>
                    Add {what === "annotation" ? "an annotation" : "a parameter"}
                </Button>
            </div>
        </div>
    );
}
