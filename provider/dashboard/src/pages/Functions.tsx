// All functions of the namespace: filters in the address, only the rows in view in the page.

import { useMemo } from "preact/hooks";
import { TIERS, type FunctionRow } from "../api/types";
import { count, duration, megabytes, rate, share } from "../format";
import { functionHref, href, navigate, place, setQuery } from "../router";
import { functions, functionsError, functionsLoaded, loadFunctions } from "../state/functions";
import { Ago, Command, Empty, ErrorNote, Loading, Safe, TierBadge } from "../ui/basics";
import { SearchField, TierChips } from "../ui/Filters";
import { Icon } from "../ui/Icon";
import { useNarrow } from "../ui/narrow";
import { VirtualList } from "../ui/VirtualList";

interface Column {
    id: string;
    title: string;
    number?: boolean;
    by: (row: FunctionRow) => number | string;
}

const COLUMNS: readonly Column[] = [
    { id: "name", title: "Function", by: (row) => row.name },
    { id: "kind", title: "Kind", by: (row) => row.kind },
    { id: "tier", title: "Tier", by: (row) => TIERS.indexOf(row.tier) },
    { id: "rate", title: "Per minute", number: true, by: (row) => -row.ratePerMinute },
    { id: "p50", title: "p50", number: true, by: (row) => -(row.p50 ?? -1) },
    { id: "p99", title: "p99", number: true, by: (row) => -(row.p99 ?? -1) },
    { id: "errors", title: "Errors", number: true, by: (row) => -row.errorShare },
    { id: "memory", title: "Memory", number: true, by: (row) => -row.memoryMb },
    { id: "last", title: "Last run", number: true, by: (row) => -(row.lastInvoked ?? 0) },
];

function chosen(rows: FunctionRow[], query: URLSearchParams): FunctionRow[] {
    const search = (query.get("search") ?? "").toLowerCase();
    const tier = query.get("tier") ?? "";
    const kind = query.get("kind") ?? "";
    const found = rows.filter(
        (row) =>
            (tier === "" || row.tier === tier) &&
            (kind === "" || row.kind === kind) &&
            (search === "" || row.name.toLowerCase().includes(search)),
    );
    return sorted(found, query.get("sort") ?? "name", query.get("order") === "down");
}

function sorted(rows: FunctionRow[], id: string, down: boolean): FunctionRow[] {
    const column = COLUMNS.find((each) => each.id === id) ?? COLUMNS[0];
    if (!column) return rows;
    const keyed = rows.map((row) => ({ row, key: column.by(row) }));
    keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    if (down) keyed.reverse();
    return keyed.map(({ row }) => row);
}

export function FunctionsPage() {
    const rows = functions.value;
    const query = place.value.query;
    const narrow = useNarrow();
    const found = useMemo(() => chosen(rows, query), [rows, query]);
    const error = functionsError.value;
    return (
        <div class="page list-page">
            <header class="page-head">
                <h1>Functions</h1>
                <span class="muted" role="status">
                    {found.length === rows.length
                        ? count(rows.length)
                        : `${count(found.length)} of ${count(rows.length)}`}
                </span>
                <a class="button primary push" href={href("new")}>
                    <Icon name="plus" />
                    New function
                </a>
            </header>
            {rows.length > 0 && <Filters rows={rows} query={query} />}
            {error && <ErrorNote error={error} retry={() => void loadFunctions()} />}
            {!functionsLoaded.value && !error && rows.length === 0 && <Loading what="functions" />}
            {functionsLoaded.value && rows.length === 0 && <First />}
            {rows.length > 0 && found.length === 0 && (
                <Empty title="No function matches">
                    <button type="button" class="button" onClick={() => setQuery({ search: "", tier: "", kind: "" })}>
                        Show all {count(rows.length)}
                    </button>
                </Empty>
            )}
            {found.length > 0 && (
                <VirtualList
                    items={found}
                    rowHeight={narrow ? 76 : 48}
                    label="Functions"
                    columns={COLUMNS.length}
                    keyOf={(row) => row.name}
                    onOpen={(row) => navigate(functionHref(row.name))}
                    row={(row) => <Row row={row} />}
                    head={<Head query={query} />}
                />
            )}
        </div>
    );
}

function First() {
    return (
        <Empty title="Your first function is three clicks away">
            <p>
                A function is a few lines that the service runs when somebody calls it. Begin with a template, or from a
                terminal:
            </p>
            <Command
                text={`echo 'function main(args) { return { hello: args.name || "world" } }' > hello.js\nargofn action create hello hello.js\nargofn action invoke hello --result --param name you`}
            />
            <a class="button primary" href={href("new")}>
                <Icon name="plus" />
                New function
            </a>
        </Empty>
    );
}

function Filters({ rows, query }: { rows: FunctionRow[]; query: URLSearchParams }) {
    const kinds = useMemo(() => [...new Set(rows.map((row) => row.kind))].sort(), [rows]);
    return (
        <div class="filters" role="search">
            <SearchField name="search" query={query} label="Search functions by name" placeholder="Search by name" />
            <TierChips query={query} />
            <label class="select">
                <span class="sr">Kind</span>
                <select
                    value={query.get("kind") ?? ""}
                    onChange={(event) => setQuery({ kind: event.currentTarget.value })}
                >
                    <option value="">All kinds</option>
                    {kinds.map((kind) => (
                        <option key={kind}>{kind}</option>
                    ))}
                </select>
            </label>
        </div>
    );
}

function Head({ query }: { query: URLSearchParams }) {
    const sort = query.get("sort") ?? "name";
    const down = query.get("order") === "down";
    return (
        <div role="rowgroup" class="vlist-head">
            <div role="row" class="fn-row" aria-rowindex={1}>
                {COLUMNS.map((column) => (
                    <div
                        key={column.id}
                        role="columnheader"
                        class={`c-${column.id} ${column.number ? "number" : ""}`}
                        aria-sort={sort !== column.id ? undefined : down ? "descending" : "ascending"}
                    >
                        <button
                            type="button"
                            class="sort"
                            onClick={() =>
                                setQuery({ sort: column.id, order: sort === column.id && !down ? "down" : "" })
                            }
                        >
                            {column.title}
                            {sort === column.id && <Icon name={down ? "up" : "down"} size={12} />}
                        </button>
                    </div>
                ))}
            </div>
        </div>
    );
}

function Row({ row }: { row: FunctionRow }) {
    const slash = row.name.indexOf("/");
    return (
        <div class="fn-row" role="presentation">
            <div role="gridcell" class="c-name">
                <a href={functionHref(row.name)} title={row.name}>
                    {slash > 0 && (
                        <span class="muted">
                            <Safe text={row.name.slice(0, slash + 1)} />
                        </span>
                    )}
                    <Safe text={row.name.slice(slash + 1)} />
                </a>
                {row.web && <span class="tag">web</span>}
            </div>
            <div role="gridcell" class="c-kind muted">
                {row.kind}
            </div>
            <div role="gridcell" class="c-tier">
                <TierBadge tier={row.tier} title={row.state} />
            </div>
            <div role="gridcell" class="c-rate number">
                {rate(row.ratePerMinute)}
            </div>
            <div role="gridcell" class="c-p50 number">
                {duration(row.p50)}
            </div>
            <div role="gridcell" class="c-p99 number">
                {duration(row.p99)}
            </div>
            <div role="gridcell" class={`c-errors number ${row.errorShare > 0 ? "bad" : ""}`}>
                {row.invocations > 0 ? share(row.errorShare) : "–"}
            </div>
            <div role="gridcell" class="c-memory number">
                {megabytes(row.memoryMb)}
            </div>
            <div role="gridcell" class="c-last number muted">
                <Ago at={row.lastInvoked} />
            </div>
        </div>
    );
}
