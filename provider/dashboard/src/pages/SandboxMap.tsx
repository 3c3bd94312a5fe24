// Every sandbox a square, by function; every NIUk a box with its isolates.

import type { Niuk, Sandbox } from "../api/types";
import { bytes, count, duration, megabytes } from "../format";
import { functionHref } from "../router";
import { Card, Safe } from "../ui/basics";

const STATES = ["cold", "warming", "warm", "hibernated", "busy"] as const;
const IDLE: ReadonlySet<string> = new Set(["warm", "hibernated"]);

export function SandboxMap({ sandboxes }: { sandboxes: Sandbox[] }) {
    const groups = new Map<string, Sandbox[]>();
    for (const sandbox of sandboxes) groups.set(sandbox.name, [...(groups.get(sandbox.name) ?? []), sandbox]);
    const sorted = [...groups].sort(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1));
    return (
        <Card title="Sandboxes" aside={<Legend />}>
            {sandboxes.length === 0 ? (
                <p class="muted">None right now. The next call starts one, and it stays warm for a while.</p>
            ) : (
                <ul class="plain-list map" aria-label="Sandboxes by function">
                    {sorted.map(([name, group]) => (
                        <li key={name}>
                            <span class="map-name">
                                {name === "" ? (
                                    <span class="muted" title="Started ahead, for whichever function needs one next">
                                        in stock
                                    </span>
                                ) : (
                                    <a href={functionHref(name)}>
                                        <Safe text={name} />
                                    </a>
                                )}
                            </span>
                            <Squares sandboxes={group} />
                            <span class="muted small number">
                                {megabytes(group.reduce((sum, each) => sum + each.memoryMb, 0))}
                            </span>
                        </li>
                    ))}
                </ul>
            )}
        </Card>
    );
}

function Squares({ sandboxes }: { sandboxes: Sandbox[] }) {
    const said = STATES.map(
        (state) => [state, sandboxes.filter((each) => each.state === state).length] as const,
    ).filter(([, number]) => number > 0);
    return (
        <span class="squares" role="img" aria-label={said.map(([state, number]) => `${number} ${state}`).join(", ")}>
            {sandboxes.slice(0, 200).map((sandbox) => (
                <span
                    key={sandbox.id}
                    class={`square state-${sandbox.state}`}
                    title={`${sandbox.kind}, ${sandbox.technology}, ${sandbox.state}, ${megabytes(sandbox.memoryMb)}${IDLE.has(sandbox.state) ? `, idle ${duration(sandbox.idleMs)}` : ""}`}
                />
            ))}
            {sandboxes.length > 200 && <span class="muted small">+{count(sandboxes.length - 200)}</span>}
        </span>
    );
}

function Legend() {
    return (
        <span class="legend" aria-hidden="true">
            {STATES.map((state) => (
                <span key={state}>
                    <span class={`square state-${state}`} />
                    {state}
                </span>
            ))}
        </span>
    );
}

export function Niuks({ niuks }: { niuks: Niuk[] }) {
    return (
        <Card title="NIUks">
            {niuks.length === 0 ? (
                <p class="muted">
                    None yet. A namespace gets its NIUk, one process or small machine full of native isolates, with its
                    first native function: open a function, tab Tier, “Make it native”.
                </p>
            ) : (
                niuks.map((niuk) => <NiukBox key={niuk.id} niuk={niuk} />)
            )}
        </Card>
    );
}

function NiukBox({ niuk }: { niuk: Niuk }) {
    const share = niuk.memoryLimitBytes > 0 ? niuk.memoryBytes / niuk.memoryLimitBytes : 0;
    return (
        <div class="niuk">
            <p class="row wrap">
                <strong>{niuk.sandbox}</strong>
                <span class="muted small number">pid {niuk.pid}</span>
                {niuk.restarts > 0 && <span class="badge tier-hot">{niuk.restarts} restarts</span>}
                <span class="push muted small number">
                    {bytes(niuk.memoryBytes)} of {bytes(niuk.memoryLimitBytes)}
                </span>
            </p>
            <meter
                min={0}
                max={1}
                value={share}
                aria-label={`Memory of the NIUk: ${bytes(niuk.memoryBytes)} of ${bytes(niuk.memoryLimitBytes)}`}
            />
            <ul class="plain-list map" aria-label="Isolates by function">
                {niuk.functions.map((each) => (
                    <li key={each.name}>
                        <span class="map-name">
                            <a href={functionHref(each.name)}>
                                <Safe text={each.name} />
                            </a>
                        </span>
                        <span
                            class="squares"
                            role="img"
                            aria-label={`${each.isolates.busy} busy, ${each.isolates.spare} spare isolates`}
                        >
                            {Array.from({ length: Math.min(200, each.isolates.total) }, (_, index) => (
                                <span
                                    key={index}
                                    class={`square round state-${index < each.isolates.busy ? "busy" : "warm"}`}
                                />
                            ))}
                        </span>
                        <span class="muted small number">
                            {bytes(each.memoryBytes)}
                            {each.isolates.shared > 0 && (
                                <abbr title="Of an isolate that other functions live in, too, this is its even part.">
                                    {" shared"}
                                </abbr>
                            )}
                            , {count(each.invocations)} calls
                        </span>
                    </li>
                ))}
            </ul>
        </div>
    );
}
