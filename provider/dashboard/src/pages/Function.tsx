// One function: its code with a place to try it, its settings, versions, tier story and activity.

import { useEffect, useMemo, useState } from "preact/hooks";
import { deleteAction } from "../api/calls";
import { ConflictDialog } from "../function/ConflictDialog";
import { Activity } from "../function/Activity";
import { CodePane } from "../function/CodePane";
import { CopyAs } from "../function/CopyAs";
import { keepDraft } from "../function/draft";
import { Editing } from "../function/editing";
import { Settings } from "../function/Settings";
import { TestPane, testPayload } from "../function/TestPane";
import { Versions } from "../function/Versions";
import { Why } from "../function/Why";
import { webUrl } from "../function/snippets";
import { href, navigate, place, setQuery } from "../router";
import { functions } from "../state/functions";
import { done, failed } from "../state/notes";
import { plain } from "../text";
import { Ago, Button, CopyButton, Empty, ErrorNote, Loading, Safe, TierBadge } from "../ui/basics";
import { Confirm } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { Tabs } from "../ui/Tabs";

const TABS = [
    { id: "code", title: "Code" },
    { id: "settings", title: "Settings" },
    { id: "versions", title: "Versions" },
    { id: "why", title: "Tier" },
    { id: "activity", title: "Activity" },
] as const;

export default function FunctionPage({ name }: { name: string }) {
    const editing = useMemo(() => new Editing(name), [name]);
    useEffect(() => {
        void editing.open();
        return editing.watch();
    }, [editing]);
    useLeaveGuard(editing);
    const error = editing.error.value;
    if (error?.status === 404) return <Missing name={name} />;
    if (error) return <ErrorNote error={error} retry={() => void editing.open()} />;
    if (!editing.base.value) return <Loading what="the function" />;
    const tab = place.value.query.get("tab") ?? "code";
    return (
        <div class="page function-page">
            <Head editing={editing} />
            <State editing={editing} />
            <Tabs
                tabs={TABS}
                chosen={tab}
                label="Parts of the function"
                onChoose={(id) => setQuery({ tab: id === "code" ? "" : id })}
            />
            <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} class={`panel panel-${tab}`}>
                <Panel tab={tab} editing={editing} />
            </div>
            {editing.conflictOpen.value && editing.conflict.value && (
                <ConflictDialog editing={editing} conflict={editing.conflict.value} />
            )}
        </div>
    );
}

function Panel({ tab, editing }: { tab: string; editing: Editing }) {
    switch (tab) {
        case "settings":
            return <Settings editing={editing} />;
        case "versions":
            return <Versions editing={editing} />;
        case "why":
            return <Why name={editing.name} />;
        case "activity":
            return <Activity name={editing.name} />;
        default:
            return (
                <div class="work">
                    <CodePane editing={editing} />
                    <TestPane editing={editing} />
                </div>
            );
    }
}

/** Ctrl S saves. Between pages of this tab a draft is kept; before the tab itself goes, the browser asks. */
function useLeaveGuard(editing: Editing): void {
    useEffect(() => {
        const key = (event: KeyboardEvent) => {
            if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
            event.preventDefault();
            void editing.save();
        };
        const leave = (event: BeforeUnloadEvent) => {
            if (editing.pending.value) event.preventDefault();
        };
        document.addEventListener("keydown", key);
        addEventListener("beforeunload", leave);
        return () => {
            document.removeEventListener("keydown", key);
            removeEventListener("beforeunload", leave);
        };
    }, [editing]);
}

function Missing({ name }: { name: string }) {
    return (
        <Empty title="There is no such function" whole>
            <p>
                <Safe text={name} /> is not in your namespace; it may have been deleted.
            </p>
            <div class="row">
                <a class="button" href={href("functions")}>
                    All functions
                </a>
                <a class="button primary" href={href("new")}>
                    New function
                </a>
            </div>
        </Empty>
    );
}

function Head({ editing }: { editing: Editing }) {
    const action = editing.base.value;
    const [deleting, setDeleting] = useState(false);
    const row = functions.value.find((each) => each.name === editing.name);
    if (!action) return null;
    const url = webUrl(editing.name, action, location.origin);
    const changed = editing.pending.value !== null;
    const remove = async () => {
        setDeleting(false);
        try {
            await deleteAction(editing.name);
            keepDraft(editing.name, "", null);
            done(`${plain(editing.name)} is deleted`);
            navigate(href("functions"));
        } catch (error) {
            failed(error);
        }
    };
    return (
        <header class="page-head">
            <div class="title-block">
                <p class="crumbs">
                    <a href={href("functions")}>Functions</a>
                </p>
                <h1>
                    <Safe text={editing.name} />
                </h1>
                <p class="facts-line">
                    {row && <TierBadge tier={row.tier} title={row.state} />}
                    <span>{action.exec.kind}</span>
                    <span data-testid="version">v{action.version}</span>
                    <span class="muted">
                        saved <Ago at={action.updated} />
                    </span>
                    {url !== "" && (
                        <span class="web-url">
                            <a href={url} target="_blank" rel="noreferrer noopener">
                                <Icon name="out" size={14} />
                                web URL
                            </a>
                            <CopyButton text={url} what="web URL" />
                        </span>
                    )}
                </p>
            </div>
            <div class="row push head-actions">
                <CopyAs name={editing.name} action={action} payload={testPayload(editing.name)} />
                <Button icon="trash" kind="quiet" label="Delete the function" onClick={() => setDeleting(true)} />
                {changed && <Button onClick={() => editing.discard()}>Discard</Button>}
                <Button
                    kind="primary"
                    disabled={!changed || editing.saving.value}
                    title="Ctrl S"
                    onClick={() => void editing.save()}
                >
                    {editing.saving.value ? "Saving …" : changed ? "Save" : "Saved"}
                </Button>
            </div>
            {deleting && (
                <Confirm
                    title="Delete this function?"
                    text={`${plain(editing.name)} and its versions go for good. Records of its activations stay.`}
                    yes="Delete"
                    onYes={() => void remove()}
                    onClose={() => setDeleting(false)}
                />
            )}
        </header>
    );
}

/** What happened around the draft: another's save, a deletion, a draft set aside. */
function State({ editing }: { editing: Editing }) {
    const conflict = editing.conflict.value;
    return (
        <div role="status" aria-live="polite">
            {editing.deleted.value && (
                <p class="inline-note warn">
                    Somebody deleted this function. Your text is still here: copy it, or make the function anew.
                </p>
            )}
            {conflict && (
                <p class="inline-note warn">
                    <span class="grow">
                        Version {conflict.theirs.version} was saved by somebody else while you edited. Your changes are
                        kept.
                    </span>
                    <Button onClick={() => (editing.conflictOpen.value = true)}>Compare</Button>
                </p>
            )}
            {editing.setAside.value && (
                <p class="inline-note">
                    <span class="grow">Your own changes are set aside.</span>
                    <Button icon="undo" onClick={() => editing.bringBack()}>
                        Bring them back
                    </Button>
                </p>
            )}
        </div>
    );
}
