// The colours of a kind's language, loaded when first needed.

import { StreamLanguage } from "@codemirror/language";
import type { Extension } from "@codemirror/state";

export async function languageOf(kind: string): Promise<Extension> {
    const [family = ""] = kind.split(":");
    switch (family) {
        case "nodejs":
            return (await import("@codemirror/lang-javascript")).javascript();
        case "python":
            return (await import("@codemirror/lang-python")).python();
        case "java":
            return (await import("@codemirror/lang-java")).java();
        case "php":
            return (await import("@codemirror/lang-php")).php();
        case "go":
            return (await import("@codemirror/lang-go")).go();
        case "json":
            return (await import("@codemirror/lang-json")).json();
        case "ruby":
            return StreamLanguage.define((await import("@codemirror/legacy-modes/mode/ruby")).ruby);
        case "swift":
            return StreamLanguage.define((await import("@codemirror/legacy-modes/mode/swift")).swift);
        case "rust":
            return StreamLanguage.define((await import("@codemirror/legacy-modes/mode/rust")).rust);
        case "binary":
        case "blackbox":
            return StreamLanguage.define((await import("@codemirror/legacy-modes/mode/shell")).shell);
        default:
            return [];
    }
}
