// Where the time of one invocation went.

import { duration } from "../format";

export const PHASES = ["queue", "place", "start", "init", "run", "reply"] as const;

export type PhaseTimes = Partial<Record<(typeof PHASES)[number], number>>;

const MEANING: Record<(typeof PHASES)[number], string> = {
    queue: "waited for a place",
    place: "chose a sandbox",
    start: "started the sandbox",
    init: "loaded the code",
    run: "ran the function",
    reply: "answered and recorded",
};

/** The phases of a record's annotation, or null where it has none. */
export function phasesOf(value: unknown): PhaseTimes | null {
    if (typeof value !== "object" || value === null) return null;
    const found: PhaseTimes = {};
    for (const phase of PHASES) {
        const ms = (value as Record<string, unknown>)[phase];
        if (typeof ms === "number" && ms > 0) found[phase] = ms;
    }
    return found;
}

export function PhaseBar({ phases }: { phases: PhaseTimes }) {
    const total = Object.values(phases).reduce((sum, ms) => sum + ms, 0);
    const present = PHASES.filter((phase) => phases[phase] !== undefined);
    const words = present.map((phase) => `${phase} ${duration(phases[phase])}`).join(", ");
    return (
        <figure class="phases" aria-label={`Phases: ${words}; ${duration(total)} together`}>
            <div class="phase-bar" aria-hidden="true">
                {present.map((phase) => (
                    <span
                        key={phase}
                        class={`phase phase-${phase}`}
                        style={{ flexGrow: String(phases[phase] ?? 0) }}
                        title={`${phase}: ${duration(phases[phase])}`}
                    />
                ))}
            </div>
            <dl class="phase-legend">
                {present.map((phase) => (
                    <div key={phase} title={MEANING[phase]}>
                        <dt>
                            <span class={`dot phase-${phase}`} aria-hidden="true" />
                            {phase}
                        </dt>
                        <dd>{duration(phases[phase])}</dd>
                    </div>
                ))}
            </dl>
        </figure>
    );
}
