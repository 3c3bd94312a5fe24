// The frame: navigation, banner, notes, and the page that the address names.

import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import { FunctionsPage } from "./pages/Functions";
import { NotFoundPage } from "./pages/NotFound";
import { SignIn } from "./pages/SignIn";
import { href, place } from "./router";
import { watchFunctions } from "./state/functions";
import { watchPool } from "./state/machine";
import { dismiss, notes } from "./state/notes";
import { session, signOut } from "./state/session";
import { closeStream, connection, openStream, retryNow } from "./state/stream";
import { dark, nextTheme } from "./state/theme";
import { Button, Loading, Safe } from "./ui/basics";
import { Dialog } from "./ui/Dialog";
import { helpOpen, KEYS, paletteOpen } from "./ui/hotkeys";
import { Icon, Mark, type IconName } from "./ui/Icon";
import { Palette } from "./ui/Palette";

const ActivationsPage = lazy(() => import("./pages/Activations"));
const ActivationPage = lazy(() => import("./pages/Activation"));
const FunctionPage = lazy(() => import("./pages/Function"));
const MachinePage = lazy(() => import("./pages/Machine"));
const NewPage = lazy(() => import("./pages/New"));

const PAGES: readonly { path: string; title: string; icon: IconName }[] = [
    { path: "functions", title: "Functions", icon: "functions" },
    { path: "activations", title: "Activations", icon: "activity" },
    { path: "machine", title: "Machine", icon: "machine" },
];

export function App() {
    const signedIn = session.value;
    useEffect(() => {
        if (!signedIn) return undefined;
        openStream();
        const ends = [watchFunctions(), watchPool()];
        return () => {
            closeStream();
            ends.forEach((end) => end());
        };
    }, [signedIn?.key]);
    if (!signedIn) return <SignIn />;
    return (
        <div class="frame">
            <a class="skip" href="#main">
                Skip to content
            </a>
            <Sidebar namespace={signedIn.namespace} />
            <div class="content">
                <Banner />
                <main id="main" tabIndex={-1}>
                    <Suspense fallback={<Loading what="the page" />}>
                        <Page />
                    </Suspense>
                </main>
            </div>
            <Notes />
            {paletteOpen.value && <Palette />}
            {helpOpen.value && <Help />}
        </div>
    );
}

function Page() {
    const [page = "functions", ...rest] = place.value.path;
    const name = rest.join("/");
    useEffect(() => {
        document.title = `${name || (PAGES.find((each) => each.path === page)?.title ?? "Argo")} · Argo`;
    }, [page, name]);
    if (page === "functions" && rest.length === 0) return <FunctionsPage />;
    if (page === "functions" && rest.length <= 2) return <FunctionPage key={name} name={name} />;
    if (page === "new") return <NewPage />;
    if (page === "activations" && rest.length === 0) return <ActivationsPage />;
    if (page === "activations" && rest.length === 1) return <ActivationPage key={name} id={name} />;
    if (page === "machine") return <MachinePage />;
    return <NotFoundPage />;
}

function Sidebar({ namespace }: { namespace: string }) {
    const page = place.value.path[0] ?? "functions";
    return (
        <header class="sidebar">
            <a class="brand" href={href("functions")} aria-label="Argo, to the functions">
                <Mark />
                <span>Argo</span>
            </a>
            <nav aria-label="Pages">
                {PAGES.map((each) => (
                    <a key={each.path} href={href(each.path)} aria-current={page === each.path ? "page" : undefined}>
                        <Icon name={each.icon} size={20} />
                        <span>{each.title}</span>
                    </a>
                ))}
            </nav>
            <div class="sidebar-foot">
                <Button
                    icon="command"
                    kind="quiet"
                    label="Command palette (Ctrl K)"
                    onClick={() => (paletteOpen.value = true)}
                />
                <Button
                    icon={dark.value ? "sun" : "moon"}
                    kind="quiet"
                    label={dark.value ? "Light colours" : "Dark colours"}
                    onClick={nextTheme}
                />
                <Button icon="leave" kind="quiet" label="Sign out" onClick={() => signOut()} />
            </div>
            <p class="namespace" title="Namespace of your key">
                <span class={`live-dot ${connection.value.state}`} aria-hidden="true" />
                <Safe text={namespace} />
            </p>
        </header>
    );
}

/** Says that the server went away, and when it is asked again. What was on the page stays. */
function Banner() {
    const { state, retryAt, attempts } = connection.value;
    const [, tick] = useState(0);
    useEffect(() => {
        if (state !== "lost") return undefined;
        const timer = setInterval(() => tick((n) => n + 1), 500);
        return () => clearInterval(timer);
    }, [state]);
    const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    return (
        <div role="status" aria-live="polite">
            {state === "lost" && (
                <div class="banner">
                    <Icon name="alert" />
                    <span class="grow">
                        {attempts > 1 ? "The server is away. " : "The connection broke off. "}
                        What you see may be old; nothing you wrote is lost.
                        <span aria-hidden="true">
                            {seconds > 0 ? ` Next attempt in ${seconds} s.` : " Connecting …"}
                        </span>
                    </span>
                    <Button onClick={retryNow}>Connect now</Button>
                </div>
            )}
        </div>
    );
}

function Notes() {
    return (
        <div class="notes" role="log" aria-live="polite" aria-label="Notes">
            {notes.value.map((note) => (
                <div key={note.id} class={`note ${note.kind}`} role={note.kind === "error" ? "alert" : undefined}>
                    <Icon name={note.kind === "error" ? "alert" : "check"} />
                    <div class="grow">
                        <Safe text={note.text} />
                        {note.code !== "" && (
                            <div class="small">
                                Transaction <code>{note.code}</code>
                            </div>
                        )}
                    </div>
                    <Button icon="close" kind="quiet" label="Dismiss" onClick={() => dismiss(note.id)} />
                </div>
            ))}
        </div>
    );
}

function Help() {
    return (
        <Dialog title="Keyboard shortcuts" onClose={() => (helpOpen.value = false)} size="small">
            <dl class="keys">
                {KEYS.map(([keys, what]) => (
                    <div key={keys}>
                        <dt>
                            {keys.split(" ").map((key) => (
                                <kbd key={key}>{key}</kbd>
                            ))}
                        </dt>
                        <dd>{what}</dd>
                    </div>
                ))}
            </dl>
            <p class="muted small">In the editor, Escape and then Tab leaves it.</p>
        </Dialog>
    );
}
