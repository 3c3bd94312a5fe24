// Everything by its name: pages, functions, commands.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { functionHref, href, navigate } from "../router";
import { functions, functionsLoaded } from "../state/functions";
import { signOut } from "../state/session";
import { nextTheme } from "../state/theme";
import { plain } from "../text";
import { Dialog } from "./Dialog";
import { helpOpen, paletteOpen } from "./hotkeys";
import { Icon, type IconName } from "./Icon";

interface Entry {
    title: string;
    hint: string;
    icon: IconName;
    run: () => void;
}

const COMMANDS: Entry[] = [
    { title: "Functions", hint: "page", icon: "functions", run: () => navigate(href("functions")) },
    { title: "Activations", hint: "page", icon: "activity", run: () => navigate(href("activations")) },
    { title: "Machine", hint: "page", icon: "machine", run: () => navigate(href("machine")) },
    { title: "New function", hint: "create", icon: "plus", run: () => navigate(href("new")) },
    {
        title: "Failed activations",
        hint: "filter",
        icon: "alert",
        run: () => navigate(href("activations") + "?status=failed"),
    },
    { title: "Cold starts", hint: "filter", icon: "activity", run: () => navigate(href("activations") + "?cold=yes") },
    { title: "Change between light and dark", hint: "look", icon: "moon", run: nextTheme },
    { title: "Keyboard shortcuts", hint: "help", icon: "command", run: () => (helpOpen.value = true) },
    { title: "Sign out", hint: "key", icon: "leave", run: () => signOut() },
];

const MOST = 40;

/** Entries whose title has all letters of `text` in order; those that begin with it, or hold it, first. */
function matching(text: string): Entry[] {
    const found = functions.value.map((row) => ({
        title: row.name,
        hint: row.kind,
        icon: "bolt" as const,
        run: () => navigate(functionHref(row.name)),
    }));
    const all: Entry[] = [...COMMANDS, ...found];
    if (text === "") return all.slice(0, MOST);
    const wanted = text.toLowerCase();
    return all
        .map((entry) => ({ entry, score: score(entry.title.toLowerCase(), wanted) }))
        .filter(({ score: points }) => points > 0)
        .sort((a, b) => b.score - a.score)
        .slice(0, MOST)
        .map(({ entry }) => entry);
}

function score(title: string, wanted: string): number {
    if (title.startsWith(wanted)) return 3;
    if (title.includes(wanted)) return 2;
    let at = -1;
    for (const letter of wanted) {
        at = title.indexOf(letter, at + 1);
        if (at < 0) return 0;
    }
    return 1;
}

export function Palette() {
    const [text, setText] = useState("");
    const [chosen, setChosen] = useState(0);
    // Enter was pressed before the list of functions was read: it opens what the list brings.
    const [entered, setEntered] = useState(false);
    const list = useRef<HTMLUListElement>(null);
    const input = useRef<HTMLInputElement>(null);
    const found = matching(text.trim());
    const close = () => (paletteOpen.value = false);
    const run = (entry: Entry | undefined) => {
        close();
        entry?.run();
    };
    const enter = () => {
        if (found.length > 0) run(found[chosen]);
        else setEntered(!functionsLoaded.value);
    };
    // Before the next key can come: one typed at once belongs to the palette, not to the page's own keys.
    useLayoutEffect(() => input.current?.focus(), []);
    useEffect(() => {
        if (entered) enter();
    }, [entered, found.length, functionsLoaded.value]);
    useEffect(() => {
        const option = list.current?.querySelector(`#option-${chosen}`);
        option?.scrollIntoView({ block: "nearest" });
    }, [chosen]);
    const walk = (event: KeyboardEvent) => {
        const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
        if (event.key === "Enter") enter();
        if (step === 0 && event.key !== "Enter") return;
        event.preventDefault();
        setChosen((chosen + step + found.length) % Math.max(1, found.length));
    };
    return (
        <Dialog title="Command palette" onClose={close} bare>
            <div class="palette">
                <div class="palette-input">
                    <Icon name="search" />
                    <input
                        ref={input}
                        type="text"
                        role="combobox"
                        aria-label="What to open or do"
                        aria-expanded="true"
                        aria-controls="palette-list"
                        aria-activedescendant={found.length > 0 ? `option-${chosen}` : undefined}
                        placeholder="Go to a function, a page, a command …"
                        value={text}
                        onInput={(event) => {
                            setText(event.currentTarget.value);
                            setChosen(0);
                            setEntered(false);
                        }}
                        onKeyDown={walk}
                    />
                    <kbd>Esc</kbd>
                </div>
                <ul id="palette-list" role="listbox" aria-label="Matches" ref={list}>
                    {found.map((entry, index) => (
                        <li
                            key={`${entry.hint} ${entry.title}`}
                            id={`option-${index}`}
                            role="option"
                            aria-selected={index === chosen}
                            onClick={() => run(entry)}
                            onMouseMove={() => setChosen(index)}
                        >
                            <Icon name={entry.icon} />
                            <span class="grow">{plain(entry.title)}</span>
                            <span class="muted small">{entry.hint}</span>
                        </li>
                    ))}
                </ul>
                {found.length === 0 && (
                    <p class="muted palette-none">
                        {functionsLoaded.value ? "Nothing has that name." : "The functions are being read …"}
                    </p>
                )}
            </div>
        </Dialog>
    );
}
