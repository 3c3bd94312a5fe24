// How long runs took, on a scale of powers of two.

import { count, duration } from "../format";

const EDGES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];

function quantile(sorted: number[], share: number): number | null {
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}

export function Histogram({ durations }: { durations: number[] }) {
    if (durations.length === 0) return <p class="muted">Nothing ran yet. The time of every run is counted here.</p>;
    const bins = new Array<number>(EDGES.length + 1).fill(0);
    for (const ms of durations) {
        const at = EDGES.findIndex((edge) => ms < edge);
        const bin = at < 0 ? EDGES.length : at;
        bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const most = Math.max(...bins);
    const sorted = [...durations].sort((a, b) => a - b);
    const said = (
        [
            ["p50", 0.5],
            ["p90", 0.9],
            ["p99", 0.99],
        ] as const
    ).map(([name, share]) => `${name} ${duration(quantile(sorted, share))}`);
    return (
        <figure class="histogram" aria-label={`Latency of the last ${durations.length} runs: ${said.join(", ")}`}>
            <div class="bars" aria-hidden="true">
                {bins.map((number, at) => (
                    <div key={at} class="bar-slot" title={`${labelOf(at)}: ${count(number)} runs`}>
                        <div
                            class="bar"
                            style={{ height: `${number === 0 ? 0 : Math.max(2, (number / most) * 100)}%` }}
                        />
                        <span class="bar-label number">{at % 2 === 0 ? labelOf(at) : ""}</span>
                    </div>
                ))}
            </div>
            <figcaption class="row wrap">
                {said.map((each) => (
                    <span key={each} class="number">
                        {each}
                    </span>
                ))}
                <span class="muted push">last {count(durations.length)} runs</span>
            </figcaption>
        </figure>
    );
}

function labelOf(bin: number): string {
    const edge = EDGES[bin];
    return edge === undefined ? "> 8 s" : edge < 1000 ? `< ${edge} ms` : `< ${Math.round(edge / 1024)} s`;
}
