// The same function in other tools' words.

import { annotation, type Action } from "../api/types";
import { encodeName } from "../api/client";

export interface Snippet {
    title: string;
    text: string;
}

/** For a POSIX shell. */
export function quote(text: string): string {
    return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const ENDING: Record<string, string> = {
    nodejs: "js",
    python: "py",
    php: "php",
    ruby: "rb",
    go: "go",
    java: "jar",
    swift: "swift",
    rust: "rs",
};

function fileOf(action: Action): string {
    const family = action.exec.kind.split(":")[0] ?? "";
    return `${action.name}.${action.exec.binary && family !== "java" ? "zip" : (ENDING[family] ?? "sh")}`;
}

export function snippets(name: string, action: Action, payload: string, origin: string): Snippet[] {
    const found = [
        { title: "wsk", text: wsk(name, action, payload) },
        { title: "curl", text: curl(name, payload, origin) },
        { title: "serverless.yml", text: serverless(name, action) },
    ];
    const web = webUrl(name, action, origin);
    return web === "" ? found : [...found, { title: "Web URL", text: web }];
}

function wsk(name: string, action: Action, payload: string): string {
    const create = ["wsk action update", quote(name)];
    if (action.exec.kind === "sequence") create.push("--sequence", quote((action.exec.components ?? []).join(",")));
    else if (action.exec.image !== undefined) create.push(quote(fileOf(action)), "--docker", quote(action.exec.image));
    else create.push(quote(fileOf(action)), "--kind", action.exec.kind);
    if (action.exec.main) create.push("--main", quote(action.exec.main));
    create.push("--memory", String(action.limits.memory), "--timeout", String(action.limits.timeout));
    if (annotation(action, "web-export") === true) create.push("--web true");
    const file = payload.trim() === "" || payload.trim() === "{}" ? "" : ` --param-file <(printf %s ${quote(payload)})`;
    return `${create.join(" ")}\nwsk action invoke ${quote(name)} --result${file}`;
}

function curl(name: string, payload: string, origin: string): string {
    const url = `${origin}/api/v1/namespaces/_/actions/${encodeName(name)}?blocking=true&result=true`;
    return `curl -u "$AUTH" -X POST ${quote(url)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quote(payload.trim() || "{}")}`;
}

function serverless(name: string, action: Action): string {
    const lines = [
        "service: my-service",
        "provider:",
        "  name: openwhisk",
        "functions:",
        `  ${JSON.stringify(action.name)}:`,
        `    name: ${JSON.stringify(name)}`,
    ];
    if (action.exec.kind === "sequence") {
        lines.push("    sequence:", ...(action.exec.components ?? []).map((each) => `      - ${JSON.stringify(each)}`));
    } else {
        lines.push(
            `    handler: ${JSON.stringify(`${action.name}.${action.exec.main || "main"}`)}`,
            `    runtime: ${JSON.stringify(action.exec.kind)}`,
        );
    }
    lines.push(`    memory: ${action.limits.memory}`, `    timeout: ${Math.ceil(action.limits.timeout / 1000)}`);
    if (annotation(action, "web-export") === true) lines.push("    annotations:", "      web-export: true");
    return lines.join("\n");
}

/** Where anyone may call it; "" for what is no web action. */
export function webUrl(name: string, action: Action, origin: string): string {
    if (annotation(action, "web-export") !== true) return "";
    const [namespace = ""] = action.namespace.split("/");
    const path = name.includes("/") ? name : `default/${name}`;
    return `${origin}/api/v1/web/${encodeURIComponent(namespace)}/${encodeName(path)}`;
}
