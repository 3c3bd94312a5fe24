// A new function: pick a template, and it runs. The name and the code may be changed first.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { description, putAction, putPackage } from "../api/calls";
import { ApiError, asApiError } from "../api/client";
import type { Exec, RuntimeKind } from "../api/types";
import { Components } from "../function/CodePane";
import { keepPayload } from "../function/TestPane";
import { functionHref, navigate, place, setQuery } from "../router";
import { functions, loadFunctions } from "../state/functions";
import { done } from "../state/notes";
import { TEMPLATES, type Template } from "../templates/templates";
import { Button, Card, ErrorNote, Loading } from "../ui/basics";
import { Editor } from "../ui/Editor";
import { useLoad } from "../ui/load";

const NAME = /^(\w|\w[\w@ .&-]{0,254}[\w@.&-])$/;

export default function NewPage() {
    const { value: service, error, reload } = useLoad(description, []);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!service) return <Loading what="what the service can run" />;
    const offered = TEMPLATES.filter(
        (each) => each.family === "sequence" || each.family === "blackbox" || service.runtimes[each.family],
    );
    const chosen = offered.find((each) => each.id === place.value.query.get("template"));
    return (
        <div class="page">
            <header class="page-head">
                <h1>New function</h1>
                <span class="muted">
                    {chosen ? "Create it as it is, or change it first." : "Choose what it begins as."}
                </span>
            </header>
            <ul class="templates" aria-label="Templates">
                {offered.map((each) => (
                    <li key={each.id}>
                        <button
                            type="button"
                            class="template"
                            aria-pressed={each === chosen}
                            onClick={() => setQuery({ template: each.id })}
                        >
                            <span class={`template-mark family-${each.family}`} aria-hidden="true">
                                {LETTERS[each.family] ?? each.title.slice(0, 2)}
                            </span>
                            <span>
                                <strong>{each.title}</strong>
                                <span class="muted small">{each.about}</span>
                            </span>
                        </button>
                    </li>
                ))}
            </ul>
            {chosen && <Form key={chosen.id} template={chosen} kinds={service.runtimes[chosen.family] ?? []} />}
        </div>
    );
}

const LETTERS: Record<string, string> = {
    nodejs: "JS",
    python: "Py",
    java: "Jv",
    go: "Go",
    php: "PHP",
    ruby: "Rb",
    blackbox: ">_",
    sequence: "→",
};

function freeName(proposed: string): string {
    const taken = new Set(functions.value.map((row) => row.name));
    for (let number = 1; ; number++) {
        const name = number === 1 ? proposed : `${proposed}-${number}`;
        if (!taken.has(name)) return name;
    }
}

function problem(name: string): string {
    const parts = name.split("/");
    if (name === "") return "It needs a name.";
    if (parts.length > 2) return "A name is NAME or PACKAGE/NAME.";
    if (!parts.every((part) => NAME.test(part)))
        return "Letters, digits and _ @ . & - and spaces inside; it begins with a letter, a digit or _.";
    return functions.value.some((row) => row.name === name) ? "There is one of this name already." : "";
}

function Form({ template, kinds }: { template: Template; kinds: RuntimeKind[] }) {
    const usable = kinds.filter((kind) => !kind.deprecated);
    const [name, setName] = useState(() => freeName(template.name));
    const [kind, setKind] = useState((usable.find((each) => each.default) ?? usable[0])?.kind ?? template.family);
    const [code, setCode] = useState(template.source);
    const [components, setComponents] = useState<string[]>([]);
    const [error, setError] = useState<ApiError | null>(null);
    const [busy, setBusy] = useState(false);
    const wrong = problem(name);
    const isSequence = template.family === "sequence";
    const exec = useMemo((): Exec => {
        if (isSequence) return { kind: "sequence", components };
        const sent = template.code ?? code;
        return {
            kind,
            code: sent,
            ...(template.main ? { main: template.main } : {}),
            ...(template.image ? { image: template.image } : {}),
        };
    }, [isSequence, components, template, code, kind]);
    const create = async () => {
        setBusy(true);
        setError(null);
        try {
            await store(name, exec, template);
            keepPayload(name, template.payload);
            done(`${name} is made`);
            void loadFunctions();
            navigate(functionHref(name) + "?run=1");
        } catch (thrown) {
            setError(asApiError(thrown));
            setBusy(false);
        }
    };
    const ready = wrong === "" && (!isSequence || components.length > 0);
    const form = useRef<HTMLDivElement>(null);
    useEffect(() => form.current?.scrollIntoView({ block: "nearest" }), []); // on a small screen it is far below
    return (
        <Card title={template.title}>
            <div class="new-form" ref={form}>
                <label class="field grow">
                    <span>Name</span>
                    <input
                        type="text"
                        value={name}
                        spellcheck={false}
                        aria-invalid={wrong !== ""}
                        aria-describedby="name-problem"
                        onInput={(event) => setName(event.currentTarget.value)}
                    />
                    <span id="name-problem" class="small bad">
                        {wrong}
                    </span>
                </label>
                {usable.length > 1 && (
                    <label class="field">
                        <span>Version of the runtime</span>
                        <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
                            {usable.map((each) => (
                                <option key={each.kind}>{each.kind}</option>
                            ))}
                        </select>
                    </label>
                )}
                <Button kind="primary" icon="play" disabled={busy || !ready} onClick={() => void create()}>
                    {busy ? "Creating …" : "Create and run"}
                </Button>
            </div>
            {error && <ErrorNote error={error} />}
            {isSequence ? (
                functions.value.length === 0 ? (
                    <p class="muted">A sequence is made of functions: create one first.</p>
                ) : (
                    <Components chosen={components} onChange={setComponents} />
                )
            ) : (
                <>
                    {!template.editable && (
                        <p class="muted small">
                            Java is sent as a jar; this one is compiled from the source below. Build your own with javac
                            and jar, and upload it on the function’s page.
                        </p>
                    )}
                    <Editor
                        className="preview"
                        text={code}
                        kind={template.family}
                        label={`Code of the new function; Escape, then Tab leaves`}
                        editable={template.editable}
                        onChange={setCode}
                    />
                </>
            )}
        </Card>
    );
}

async function store(name: string, exec: Exec, template: Template): Promise<void> {
    const [pkg, inside] = name.split("/");
    const annotations = template.web ? [{ key: "web-export", value: true }] : [];
    try {
        await putAction(name, { exec, annotations }, false);
    } catch (error) {
        const missingPackage = inside !== undefined && asApiError(error).status === 404;
        if (!missingPackage) throw error;
        await putPackage(pkg ?? "");
        await putAction(name, { exec, annotations }, false);
    }
}
