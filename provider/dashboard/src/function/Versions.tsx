// What was saved, newest first; each against what runs now; back to any of them with one click.

import { useState } from "preact/hooks";
import { getVersion, listVersions, restoreVersion } from "../api/calls";
import { asApiError } from "../api/client";
import type { Action, Version } from "../api/types";
import { bytes } from "../format";
import { done, failed } from "../state/notes";
import { Ago, Button, Card, Empty, ErrorNote, Loading } from "../ui/basics";
import { Diff } from "../ui/Editor";
import { useLoad } from "../ui/load";
import { differing, draftOf } from "./draft";
import type { Editing } from "./editing";

export function Versions({ editing }: { editing: Editing }) {
    const current = editing.base.value;
    const {
        value: versions,
        error,
        reload,
    } = useLoad(() => listVersions(editing.name), [editing.name, current?.version]);
    const [chosen, setChosen] = useState("");
    const [busy, setBusy] = useState(false);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!versions || !current) return <Loading what="versions" />;
    const shown = chosen || (versions.find((version) => !version.current)?.version ?? "");
    const rollBack = async (version: string) => {
        setBusy(true);
        try {
            const { body } = await restoreVersion(editing.name, version);
            await editing.reread();
            setChosen("");
            done(`Version ${version} is back, as ${body.version}`);
        } catch (thrown) {
            failed(asApiError(thrown));
        } finally {
            setBusy(false);
        }
    };
    return (
        <div class="versions">
            <Card title="Versions">
                <ol class="version-list" aria-label="Versions, newest first">
                    {versions.map((version) => (
                        <Item
                            key={version.version}
                            version={version}
                            chosen={version.version === shown}
                            busy={busy}
                            onChoose={setChosen}
                            onRollBack={(wanted) => void rollBack(wanted)}
                        />
                    ))}
                </ol>
            </Card>
            {versions.length < 2 ? (
                <Empty title="One version so far">
                    <p>
                        Every save keeps what it replaces. Change something and save it, and both stand here side by
                        side.
                    </p>
                </Empty>
            ) : (
                shown !== "" && <Against key={shown} name={editing.name} version={shown} current={current} />
            )}
        </div>
    );
}

function Item(props: {
    version: Version;
    chosen: boolean;
    busy: boolean;
    onChoose: (version: string) => void;
    onRollBack: (version: string) => void;
}) {
    const { version } = props;
    return (
        <li class={props.chosen ? "chosen" : ""}>
            <button
                type="button"
                class="version-choice"
                aria-pressed={props.chosen}
                disabled={version.current}
                onClick={() => props.onChoose(version.version)}
            >
                <strong class="number">{version.version}</strong>
                <span class="muted small">
                    <Ago at={version.updated} /> · {bytes(version.codeBytes)}
                </span>
            </button>
            {version.current ? (
                <span class="badge tier-native">runs now</span>
            ) : (
                <Button
                    icon="undo"
                    disabled={props.busy}
                    label={`Roll back to ${version.version}`}
                    onClick={() => props.onRollBack(version.version)}
                >
                    Roll back
                </Button>
            )}
        </li>
    );
}

function Against({ name, version, current }: { name: string; version: string; current: Action }) {
    const { value: then, error, reload } = useLoad(() => getVersion(name, version), [name, version]);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!then) return <Loading what={`version ${version}`} />;
    const [before, after] = [draftOf(then), draftOf(current)];
    const parts = differing(before, after);
    return (
        <Card
            title={`${version} beside ${current.version}`}
            aside={
                <span class="muted small">
                    {parts.length === 0 ? "the same in all" : `differ in ${parts.join(", ")}`}
                </span>
            }
        >
            {before.binary || after.binary ? (
                <p class="muted">Archives and binaries are not compared by line.</p>
            ) : (
                <Diff
                    before={sourceOf(before)}
                    after={sourceOf(after)}
                    kind={current.exec.kind}
                    labels={[`Code of ${version}`, `Code of ${current.version}`]}
                />
            )}
        </Card>
    );
}

function sourceOf(draft: { code: string; components: string[] }): string {
    return draft.code !== "" ? draft.code : draft.components.join("\n");
}
