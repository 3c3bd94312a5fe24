// Who are you: one field for the key. It is tried before it is kept.

import { useState } from "preact/hooks";
import { namespaceOf } from "../api/calls";
import { ApiError, asApiError } from "../api/client";
import { signIn, signInNote } from "../state/session";
import { ErrorNote } from "../ui/basics";
import { Mark } from "../ui/Icon";

const WRONG =
    "The server does not know this key. It is all of uuid:secret; compare it with `argofn property get --auth`.";

export function SignIn() {
    const [key, setKey] = useState("");
    const [error, setError] = useState<ApiError | null>(null);
    const [busy, setBusy] = useState(false);
    const submit = async () => {
        setBusy(true);
        setError(null);
        try {
            signIn({ key: key.trim(), namespace: await namespaceOf(key.trim()) });
        } catch (thrown) {
            const said = asApiError(thrown);
            setError(said.status === 401 ? new ApiError(401, WRONG, said.code) : said);
            setBusy(false);
        }
    };
    return (
        <main class="sign-in">
            <form
                class="card sign-in-card"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (!busy) void submit();
                }}
            >
                <div class="sign-in-brand">
                    <Mark size={44} />
                    <h1>Argo</h1>
                </div>
                <p class="muted">Functions that start cold, run warm and grow native.</p>
                {signInNote.value !== "" && (
                    <p class="sign-in-note" role="status">
                        {signInNote.value}
                    </p>
                )}
                <label class="field">
                    <span>API key</span>
                    <input
                        type="password"
                        name="key"
                        autoComplete="off"
                        spellcheck={false}
                        placeholder="uuid:secret"
                        required
                        value={key}
                        onInput={(event) => setKey(event.currentTarget.value)}
                    />
                </label>
                {error && <ErrorNote error={error} />}
                <button type="submit" class="button primary" disabled={busy || key.trim() === ""}>
                    {busy ? "Trying the key …" : "Sign in"}
                </button>
                <p class="muted small">
                    The key stays in this tab and is forgotten when you close it. An operator makes one with{" "}
                    <code>argofn namespace create NAME</code>.
                </p>
            </form>
        </main>
    );
}
