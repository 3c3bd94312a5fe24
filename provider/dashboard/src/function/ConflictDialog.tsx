// Two people saved: both texts are shown, and each way out keeps both.

import { Button } from "../ui/basics";
import { Dialog } from "../ui/Dialog";
import { Diff } from "../ui/Editor";
import { differing, draftOf } from "./draft";
import type { Conflict, Editing } from "./editing";

export function ConflictDialog({ editing, conflict }: { editing: Editing; conflict: Conflict }) {
    const mine = editing.draft.value;
    if (!mine) return null;
    const theirs = draftOf(conflict.theirs);
    const parts = differing(theirs, mine);
    const close = () => (editing.conflictOpen.value = false);
    return (
        <Dialog title="Two versions of one function" onClose={close} size="large">
            <p>
                While you edited, somebody saved version <strong>{conflict.theirs.version}</strong>. Yours differs from
                it in {parts.length === 0 ? "nothing" : parts.join(", ")}. Nothing is lost whichever you choose.
            </p>
            {theirs.code !== mine.code && !theirs.binary && !mine.binary && (
                <>
                    <div class="diff-labels" aria-hidden="true">
                        <span>theirs, {conflict.theirs.version}</span>
                        <span>yours, not saved</span>
                    </div>
                    <Diff
                        before={theirs.code}
                        after={mine.code}
                        kind={conflict.theirs.exec.kind}
                        labels={["Their code", "Your code"]}
                    />
                </>
            )}
            <div class="row end wrap">
                <Button onClick={close}>Keep editing</Button>
                <Button onClick={() => editing.takeTheirs()} title="Your text is set aside and can be brought back">
                    Take theirs
                </Button>
                <Button
                    kind="primary"
                    onClick={() => void editing.saveOverTheirs()}
                    title="Theirs stays among the versions"
                >
                    Save mine as the next version
                </Button>
            </div>
        </Dialog>
    );
}
