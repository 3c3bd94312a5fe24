// Why the function runs where it runs, what would change that, and its native builds.

import { useEffect, useState } from "preact/hooks";
import { buildLog, getTier, listBuilds, wish } from "../api/calls";
import type { Build, TierStep, TierStory, Wish } from "../api/types";
import { bytes, duration, rate, share } from "../format";
import { done, failed } from "../state/notes";
import { onEvent, onGap } from "../state/stream";
import { Ago, Button, Card, ErrorNote, Loading, Safe } from "../ui/basics";
import { useLoad } from "../ui/load";
import { LogView } from "../ui/LogView";

const STATES = ["ordinary", "observed", "building", "canary", "native"] as const;

export function Why({ name }: { name: string }) {
    const { value: story, error, reload } = useLoad(() => getTier(name), [name]);
    useEffect(() => {
        const mine = (data: unknown) => {
            if ((data as { name?: string }).name === name) reload();
        };
        const ends = [onEvent("tier", mine), onEvent("build", mine), onGap(reload)];
        return () => ends.forEach((end) => end());
    }, [name, reload]);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!story) return <Loading what="its story" />;
    return (
        <div class="columns">
            <div class="column">
                <Standing story={story} onWish={reload} />
                <History steps={story.history ?? []} />
            </div>
            <div class="column">
                <Signals story={story} />
                <Builds name={name} fresh={story.build} />
            </div>
        </div>
    );
}

function Standing({ story, onWish }: { story: TierStory; onWish: () => void }) {
    const [busy, setBusy] = useState(false);
    const say = async (wanted: Wish, text: string) => {
        setBusy(true);
        try {
            await wish(story.name, wanted);
            done(text);
            onWish();
        } catch (error) {
            failed(error);
        } finally {
            setBusy(false);
        }
    };
    const at = STATES.indexOf(story.state as (typeof STATES)[number]);
    return (
        <Card title="Where it runs" aside={<Ago at={story.since} />}>
            <ol class="ladder" aria-label={`It is ${story.state}`}>
                {STATES.map((state, index) => (
                    <li
                        key={state}
                        class={index < at ? "past" : index === at ? "now" : ""}
                        aria-current={index === at ? "step" : undefined}
                    >
                        {state}
                    </li>
                ))}
                {story.state === "pinned" && (
                    <li class="now" aria-current="step">
                        pinned
                    </li>
                )}
            </ol>
            <p class="reason">
                <Safe text={story.reason} />
            </p>
            <p class="muted">
                <strong>Next: </strong>
                <Safe text={story.next} />
            </p>
            <div class="row wrap">
                <Button
                    icon="bolt"
                    disabled={busy}
                    onClick={() => void say("optimise", "A native build is wished for")}
                >
                    Make it native
                </Button>
                <Button disabled={busy} onClick={() => void say("demote", "It goes back to the ordinary runtime")}>
                    Back to ordinary
                </Button>
                {story.state === "pinned" || story.wishes["tier"] === "pin" ? (
                    <Button disabled={busy} onClick={() => void say("unpin", "It may move again")}>
                        Unpin
                    </Button>
                ) : (
                    <Button disabled={busy} onClick={() => void say("pin", "It stays on the ordinary runtime")}>
                        Pin to ordinary
                    </Button>
                )}
            </div>
        </Card>
    );
}

function Signals({ story }: { story: TierStory }) {
    const { signals } = story;
    const facts: [string, string][] = [
        ["Per minute", rate(signals["ratePerMinute"] ?? 0)],
        ["Per hour", rate(signals["ratePerHour"] ?? 0)],
        ["At once", rate(signals["overlap"] ?? 0)],
        ["Cold", share(signals["coldShare"])],
        ["Run time", duration(signals["runMs"])],
        ["Build rounds", String(story.rounds)],
    ];
    return (
        <Card title="What the optimiser sees">
            <dl class="figures">
                {facts.map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
        </Card>
    );
}

function History({ steps }: { steps: TierStep[] }) {
    return (
        <Card title="How it came here">
            {steps.length === 0 ? (
                <p class="muted">
                    It has not moved yet. A function that is called often is observed, built as a native image, tried on
                    a share of the calls, and then runs native.
                </p>
            ) : (
                <ol class="story" aria-label="Tier history, newest first">
                    {[...steps].reverse().map((step) => (
                        <li key={`${step.at} ${step.to}`}>
                            <span class="story-step">
                                {step.from} → <strong>{step.to}</strong>
                            </span>
                            <span class="muted small">
                                <Ago at={step.at} />
                            </span>
                            <p>
                                <Safe text={step.reason} />
                            </p>
                        </li>
                    ))}
                </ol>
            )}
        </Card>
    );
}

function Builds({ name, fresh }: { name: string; fresh: Build | null }) {
    const { value: builds, error, reload } = useLoad(() => listBuilds(name), [name, fresh?.id, fresh?.state]);
    const [open, setOpen] = useState("");
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!builds) return <Loading what="builds" />;
    const shown = builds.map((build) => (fresh?.id === build.id ? fresh : build));
    return (
        <Card title="Native builds">
            {shown.length === 0 && (
                <p class="muted">
                    None yet. “Make it native” asks for one now, instead of waiting until it is called often.
                </p>
            )}
            {shown.map((build) => (
                <div class="build" key={build.id}>
                    <BuildLine build={build} />
                    <button
                        type="button"
                        class="link"
                        aria-expanded={open === build.id}
                        onClick={() => setOpen(open === build.id ? "" : build.id)}
                    >
                        {open === build.id ? "Hide the log" : "Log"}
                    </button>
                    {open === build.id && <BuildLog build={build} />}
                </div>
            ))}
        </Card>
    );
}

export function BuildLine({ build, withName = false }: { build: Build; withName?: boolean }) {
    const running = build.state === "running" || build.state === "queued";
    return (
        <div class="build-line">
            <span class={`badge build-${build.state}`}>{build.state}</span>
            <span class="grow">
                {withName && (
                    <strong>
                        <Safe text={build.name} />{" "}
                    </strong>
                )}
                <Safe text={build.failure ?? build.step ?? ""} />
            </span>
            <span class="number muted">{duration(build.seconds * 1000)}</span>
            {build.artefactBytes !== null && <span class="number muted">{bytes(build.artefactBytes)}</span>}
            {running && (
                <progress
                    max={1}
                    value={build.progress}
                    aria-label={`Build of ${build.name}: ${share(build.progress)}`}
                />
            )}
        </div>
    );
}

const POLL_MS = 1000;

/** The log, followed while the build goes on. */
function BuildLog({ build }: { build: Build }) {
    const [text, setText] = useState("");
    const going = build.state === "running" || build.state === "queued";
    useEffect(() => {
        let stopped = false;
        const read = async () => {
            let offset = 0;
            while (!stopped) {
                const piece = await buildLog(build.id, offset);
                offset = piece.next;
                if (stopped) return;
                if (piece.text !== "") setText((before) => (before + piece.text).slice(-2_000_000));
                else if (!going) return;
                else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
            }
        };
        setText("");
        read().catch(failed);
        return () => {
            stopped = true;
        };
    }, [build.id, going]);
    return <LogView lines={text === "" ? [] : text.replace(/\n$/, "").split("\n")} follow label="Build log" />;
}
