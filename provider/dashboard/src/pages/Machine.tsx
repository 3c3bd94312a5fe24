// The machine: what runs where at this moment, how full it is, what is being built, what is due next.

import { useEffect, useState } from "preact/hooks";
import { getMachine, listActivations, listBuilds, listNiuks, listSandboxes } from "../api/calls";
import { annotation, type Activation, type Build, type Machine, type Sandbox } from "../api/types";
import { bytes, count, duration, megabytes } from "../format";
import { BuildLine } from "../function/Why";
import { pool, samples } from "../state/machine";
import { onEvent, onGap } from "../state/stream";
import { Card, ErrorNote, Loading, Safe } from "../ui/basics";
import { Chart } from "../ui/Chart";
import { useLoad } from "../ui/load";
import { Histogram } from "./Histogram";
import { Niuks, SandboxMap } from "./SandboxMap";
import { Schedules } from "./Schedules";

const REFRESH_MS = 5000;

/** `load`, again every few seconds while the window is seen, and after a gap. */
function useFresh<T>(read: () => Promise<T>) {
    const loaded = useLoad(read, []);
    const { reload } = loaded;
    useEffect(() => {
        const timer = setInterval(() => {
            if (!document.hidden) reload();
        }, REFRESH_MS);
        const end = onGap(reload);
        return () => {
            clearInterval(timer);
            end();
        };
    }, [reload]);
    return loaded;
}

export default function MachinePage() {
    const { value: machine, error, reload } = useFresh(getMachine);
    if (error && !machine) return <ErrorNote error={error} retry={reload} />;
    if (!machine) return <Loading what="the machine" />;
    return (
        <div class="page">
            <header class="page-head">
                <h1>Machine</h1>
                <span class="muted">
                    Argo {machine.version}, up {duration(machine.uptimeSeconds * 1000)}
                </span>
                {machine.emulated && <span class="badge tier-hot">machines are emulated</span>}
            </header>
            {machine.degraded.length > 0 && (
                <ul class="degraded" aria-label="What is not as it should be">
                    {machine.degraded.map((sentence) => (
                        <li key={sentence} class="inline-note warn">
                            <Safe text={sentence} />
                        </li>
                    ))}
                </ul>
            )}
            <Figures machine={machine} />
            <div class="cards">
                <OverTime machine={machine} />
                <Latency />
                <Sandboxes />
                <NiukCard />
                <Builds />
                <Schedules />
                {(machine.nodes?.length ?? 0) > 1 && <Nodes machine={machine} />}
            </div>
        </div>
    );
}

function Figures({ machine }: { machine: Machine }) {
    const live = pool.value;
    const now = live ?? machine.pool;
    const memory = live?.memoryUsedBytes ?? machine.memoryUsedBytes;
    const load = Array.isArray(machine.loadAverage) ? (machine.loadAverage[0] ?? 0) : machine.loadAverage;
    const facts: [string, string, string][] = [
        [
            "CPU",
            `${Math.round(live?.cpuPercent ?? machine.cpuPercent)} %`,
            `${machine.cpus} cores, load ${load.toFixed(1)}`,
        ],
        ["Memory", bytes(memory), `of ${bytes(machine.memoryBytes)}`],
        ["For functions", megabytes(now.memoryUsedMb), `of ${megabytes(now.memoryLimitMb)}`],
        ["Waiting", count(now.waiting), `${count(now.starting)} starting`],
        ["Busy", count(now.byState["busy"] ?? 0), `${count(now.byState["warm"] ?? 0)} warm`],
    ];
    return (
        <dl class="figures big">
            {facts.map(([name, value, beside]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>
                        {value} <span class="muted small">{beside}</span>
                    </dd>
                </div>
            ))}
        </dl>
    );
}

function OverTime({ machine }: { machine: Machine }) {
    const taken = samples.value;
    const times = taken.map((sample) => sample.at);
    return (
        <Card title="Over time" wide>
            {taken.length < 2 ? (
                <p class="muted">Collecting: a sample a second while this page is open.</p>
            ) : (
                <div class="charts">
                    <Chart
                        label="CPU"
                        times={times}
                        least={100}
                        format={(value) => `${Math.round(value)} %`}
                        lines={[{ label: "CPU", colour: "accent", values: taken.map((sample) => sample.cpuPercent) }]}
                    />
                    <Chart
                        label="Memory of functions"
                        times={times}
                        least={Math.min(machine.pool.memoryLimitMb, 1024)}
                        format={(value) => megabytes(value)}
                        lines={[
                            {
                                label: "Memory of functions",
                                colour: "series-2",
                                values: taken.map((sample) => sample.memoryMb),
                            },
                        ]}
                    />
                    <Chart
                        label="Queue"
                        times={times}
                        least={4}
                        format={(value) => String(Math.round(value))}
                        lines={[
                            { label: "Waiting", colour: "series-3", values: taken.map((sample) => sample.waiting) },
                            { label: "Busy", colour: "accent", values: taken.map((sample) => sample.busy) },
                        ]}
                    />
                </div>
            )}
        </Card>
    );
}

const MOST_RUNS = 2000;

function Latency() {
    const { value, error } = useLoad(() => listActivations({ limit: 200 }), []);
    const [live, setLive] = useState<number[]>([]);
    useEffect(() => {
        let waiting: number[] = [];
        let frame = 0;
        const show = () => {
            frame = 0;
            const more = waiting;
            waiting = [];
            setLive((before) => [...before, ...more].slice(-MOST_RUNS));
        };
        const end = onEvent("activation", (data) => {
            const took = (data as Activation).duration;
            if (took !== undefined) waiting.push(took);
            if (frame === 0) frame = requestAnimationFrame(show);
        });
        return () => {
            end();
            cancelAnimationFrame(frame);
        };
    }, []);
    const read = (value ?? [])
        .filter((record) => annotation(record, "kind") !== undefined)
        .flatMap((record) => (record.duration === undefined ? [] : [record.duration]));
    return (
        <Card title="Latency">
            {error ? <ErrorNote error={error} /> : <Histogram durations={[...read, ...live].slice(-MOST_RUNS)} />}
        </Card>
    );
}

function Sandboxes() {
    const { value, error, reload } = useFresh(listSandboxes);
    const [live, setLive] = useState<ReadonlyMap<string, Sandbox>>(new Map());
    useEffect(() => {
        const changed = new Map<string, Sandbox>();
        let frame = 0;
        const end = onEvent("sandbox", (data) => {
            const sandbox = data as Sandbox;
            changed.set(sandbox.id, sandbox);
            if (frame === 0) {
                frame = requestAnimationFrame(() => {
                    frame = 0;
                    setLive(new Map(changed));
                });
            }
        });
        return () => {
            end();
            cancelAnimationFrame(frame);
        };
    }, []);
    useEffect(() => setLive(new Map()), [value]);
    if (error && !value) return <ErrorNote error={error} retry={reload} />;
    const shown = new Map((value ?? []).map((sandbox) => [sandbox.id, sandbox]));
    for (const [id, sandbox] of live) shown.set(id, sandbox);
    return <SandboxMap sandboxes={[...shown.values()].filter((sandbox) => sandbox.state !== "gone")} />;
}

function NiukCard() {
    const { value, error, reload } = useFresh(listNiuks);
    if (error && !value) return <ErrorNote error={error} retry={reload} />;
    return <Niuks niuks={value ?? []} />;
}

function Builds() {
    const { value, error, reload } = useFresh(() => listBuilds());
    const [live, setLive] = useState<ReadonlyMap<string, Build>>(new Map());
    useEffect(
        () => onEvent("build", (data) => setLive((before) => new Map(before).set((data as Build).id, data as Build))),
        [],
    );
    if (error && !value) return <ErrorNote error={error} retry={reload} />;
    const known = new Map((value ?? []).map((build) => [build.id, build]));
    for (const [id, build] of live) known.set(id, build);
    const shown = [...known.values()].sort((a, b) => b.started - a.started).slice(0, 8);
    return (
        <Card title="Native builds">
            {shown.length === 0 ? (
                <p class="muted">
                    No function was built yet. One that is called often enough is built in the background; a function’s
                    Tier tab says how far it is from that.
                </p>
            ) : (
                shown.map((build) => <BuildLine key={build.id} build={build} withName />)
            )}
        </Card>
    );
}

function Nodes({ machine }: { machine: Machine }) {
    return (
        <Card title="Nodes" wide>
            <div class="table-scroll" tabIndex={0} role="region" aria-label="Nodes">
                <table>
                    <thead>
                        <tr>
                            <th>Node</th>
                            <th>State</th>
                            <th>Since</th>
                            <th class="number">Memory</th>
                        </tr>
                    </thead>
                    <tbody>
                        {machine.nodes?.map((node) => (
                            <tr key={node.id}>
                                <td>
                                    <Safe text={node.id} />
                                </td>
                                <td>{node.state}</td>
                                <td>{duration(Date.now() - node.since)}</td>
                                <td class="number">{megabytes(node.memoryMb)}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </Card>
    );
}
