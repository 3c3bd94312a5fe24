// The feed: what ran, as it ends. Filters in the address; older records are read when scrolled to.

import { useEffect, useMemo } from "preact/hooks";
import { clock, count, took } from "../format";
import { functionHref, href, navigate, place, setQuery } from "../router";
import {
    arrivedWhilePaused,
    loadNewest,
    loadOlder,
    paused,
    runs,
    runsAtEnd,
    runsError,
    runsLoaded,
    setPaused,
    STATUS_NAME,
    watchRuns,
    type Run,
} from "../state/activations";
import { functions } from "../state/functions";
import { Button, Command, Empty, ErrorNote, Loading, Safe, StatusBadge } from "../ui/basics";
import { SearchField, TierChips } from "../ui/Filters";
import { useNarrow } from "../ui/narrow";
import { VirtualList } from "../ui/VirtualList";

/** So many records a filter goes through by itself; older ones when asked for. */
const SEARCHED = 5000;
const FILTERS = ["q", "status", "cold", "tier", "name"] as const;

function matches(run: Run, query: URLSearchParams, tiers: Map<string, string>): boolean {
    const cold = query.get("cold");
    const tier = query.get("tier");
    const name = query.get("name");
    if (!hasStatus(run, query.get("status") ?? "")) return false;
    if (cold !== null && run.cold !== (cold === "yes")) return false;
    if (tier !== null && tierOf(run, tiers) !== tier) return false;
    if (name !== null && run.name !== name) return false;
    return hasText(run, (query.get("q") ?? "").toLowerCase());
}

function hasStatus(run: Run, wanted: string): boolean {
    return wanted === "" || (wanted === "failed" ? run.status !== 0 : STATUS_NAME[run.status] === wanted);
}

function hasText(run: Run, text: string): boolean {
    return (
        text === "" ||
        run.id.startsWith(text) ||
        [run.name.toLowerCase(), run.sandbox, run.kind].some((each) => each.includes(text))
    );
}

/** Of the run where the record says so, else of its function now. */
function tierOf(run: Run, tiers: Map<string, string>): string {
    if (run.tier === "native") return "native";
    if (run.cold) return "cold";
    return tiers.get(run.name) === "hot" ? "hot" : "warm";
}

export default function ActivationsPage() {
    useEffect(watchRuns, []);
    const query = place.value.query;
    const all = runs.value;
    const rows = functions.value;
    const narrow = useNarrow();
    const tiers = useMemo(() => new Map(rows.map((row) => [row.name, row.tier])), [rows]);
    const found = useMemo(() => all.filter((run) => matches(run, query, tiers)), [all, query, tiers]);
    const filtered = FILTERS.some((name) => query.has(name));
    const searchedFar = filtered && all.length >= SEARCHED;
    const name = query.get("name") ?? "";
    useEffect(() => {
        if (name !== "") void loadNewest(name);
    }, [name]);
    return (
        <div class="page list-page">
            <FeedHead shown={found.length} filtered={filtered} searchedFar={searchedFar} />
            <Filters query={query} />
            {runsError.value && <ErrorNote error={runsError.value} retry={() => void loadNewest()} />}
            {!runsLoaded.value && !runsError.value && <Loading what="activations" />}
            {runsLoaded.value && found.length === 0 && <Nothing filtered={filtered} />}
            {found.length > 0 && (
                <VirtualList
                    items={found}
                    rowHeight={narrow ? 68 : 42}
                    label="Activations"
                    columns={7}
                    keyOf={(run) => run.id}
                    onOpen={(run) => navigate(href("activations", run.id))}
                    row={(run) => <Row run={run} />}
                    head={<Head />}
                    {...(searchedFar ? {} : { onEnd: () => void loadOlder() })}
                />
            )}
        </div>
    );
}

function FeedHead({ shown, filtered, searchedFar }: { shown: number; filtered: boolean; searchedFar: boolean }) {
    return (
        <header class="page-head">
            <h1>Activations</h1>
            <span class="muted" role="status">
                {filtered ? `${count(shown)} of ` : ""}
                {count(runs.value.length)}
                {runsAtEnd.value ? "" : "+"}
            </span>
            <span class="push" />
            {searchedFar && !runsAtEnd.value && <Button onClick={() => void loadOlder()}>Search older ones</Button>}
            {paused.value && arrivedWhilePaused.value > 0 && (
                <span class="muted">{count(arrivedWhilePaused.value)} new</span>
            )}
            <Button
                icon={paused.value ? "play" : "pause"}
                pressed={paused.value}
                onClick={() => setPaused(!paused.value)}
            >
                {paused.value ? "Resume" : "Pause"}
            </Button>
        </header>
    );
}

function Nothing({ filtered }: { filtered: boolean }) {
    if (filtered) {
        const all = Object.fromEntries(FILTERS.map((name) => [name, ""]));
        return (
            <Empty title="No activation matches">
                <p>
                    Those that match will appear here as they end.
                    {!runsAtEnd.value && " Only what was read so far was searched."}
                </p>
                <div class="row">
                    <Button onClick={() => setQuery(all)}>Clear the filters</Button>
                    {!runsAtEnd.value && <Button onClick={() => void loadOlder()}>Read older ones</Button>}
                </div>
            </Empty>
        );
    }
    const [first] = functions.value;
    return (
        <Empty title="Nothing ran yet">
            <p>Run a function and it appears here the moment it ends.</p>
            {first ? (
                <>
                    <Command text={`argofn action invoke ${first.name} --result`} />
                    <a class="button primary" href={functionHref(first.name)}>
                        Open {first.name}
                    </a>
                </>
            ) : (
                <a class="button primary" href={href("new")}>
                    New function
                </a>
            )}
        </Empty>
    );
}

function Filters({ query }: { query: URLSearchParams }) {
    const name = query.get("name") ?? "";
    const rows = functions.value.slice(0, 500);
    return (
        <div class="filters" role="search">
            <SearchField
                name="q"
                query={query}
                label="Search activations by function, id, kind or sandbox"
                placeholder="Function, id, kind, sandbox"
            />
            <label class="select">
                <span class="sr">Function</span>
                <select value={name} onChange={(event) => setQuery({ name: event.currentTarget.value })}>
                    <option value="">All functions</option>
                    {name !== "" && !rows.some((row) => row.name === name) && <option>{name}</option>}
                    {rows.map((row) => (
                        <option key={row.name}>{row.name}</option>
                    ))}
                </select>
            </label>
            <label class="select">
                <span class="sr">Status</span>
                <select
                    value={query.get("status") ?? ""}
                    onChange={(event) => setQuery({ status: event.currentTarget.value })}
                >
                    <option value="">Any status</option>
                    <option value="failed">all failures</option>
                    {STATUS_NAME.map((status) => (
                        <option key={status}>{status}</option>
                    ))}
                </select>
            </label>
            <label class="select">
                <span class="sr">Cold or warm</span>
                <select
                    value={query.get("cold") ?? ""}
                    onChange={(event) => setQuery({ cold: event.currentTarget.value })}
                >
                    <option value="">Cold or not</option>
                    <option value="yes">cold starts</option>
                    <option value="no">without cold start</option>
                </select>
            </label>
            <TierChips query={query} />
        </div>
    );
}

const TITLES = ["Ended", "Function", "Status", "Took", "Start", "Ran in", "Id"];

function Head() {
    return (
        <div role="rowgroup" class="vlist-head">
            <div role="row" class="run-row" aria-rowindex={1}>
                {TITLES.map((title, index) => (
                    <div key={title} role="columnheader" class={`r-${index} ${index === 3 ? "number" : ""}`}>
                        {title}
                    </div>
                ))}
            </div>
        </div>
    );
}

function Row({ run }: { run: Run }) {
    return (
        <div class="run-row" role="presentation">
            <div role="gridcell" class="r-0 muted">
                <time dateTime={new Date(run.start).toISOString()}>{clock(run.start + (run.duration ?? 0))}</time>
            </div>
            <div role="gridcell" class="r-1">
                <a href={href("activations", run.id)}>
                    <Safe text={run.name} />
                </a>
                {run.cause !== "" && <span class="tag">part</span>}
            </div>
            <div role="gridcell" class="r-2">
                <StatusBadge status={run.status} />
            </div>
            <div role="gridcell" class="r-3 number">
                {took(run.duration)}
            </div>
            <div role="gridcell" class="r-4">
                {run.cold ? (
                    <span class="badge tier-cold">cold</span>
                ) : (
                    <span class="muted">{run.kind === "sequence" ? "–" : "warm"}</span>
                )}
            </div>
            <div role="gridcell" class="r-5 muted">
                {run.tier === "native" ? (
                    <span class="badge tier-native">native</span>
                ) : (
                    <Safe text={run.sandbox || run.kind} />
                )}
            </div>
            <div role="gridcell" class="r-6 muted">
                <code>{run.id.slice(0, 12)}</code>
            </div>
        </div>
    );
}
