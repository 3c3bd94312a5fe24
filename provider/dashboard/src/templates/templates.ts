// What a new function begins as: one or two for each language.

import { JAR } from "./jar";
import javaSource from "./Hello.java?raw";

export interface Template {
    id: string;
    family: string; // of the service's runtimes; "sequence" and "blackbox" are always there
    title: string;
    about: string;
    name: string; // proposed
    source: string; // as shown
    code?: string; // as sent, where that is not the source
    main?: string;
    image?: string;
    web?: boolean;
    payload: string;
    editable: boolean;
}

const HELLO = '{\n  "name": "you"\n}';

function plain(id: string, family: string, title: string, about: string, source: string): Template {
    return { id, family, title, about, name: `hello-${id}`, source, payload: HELLO, editable: true };
}

export const TEMPLATES: readonly Template[] = [
    plain(
        "node",
        "nodejs",
        "JavaScript",
        "A greeting, and a line in the log.",
        `// Called with the payload; what it returns is the result.
function main(args) {
    const name = args.name || "world";
    console.log("greeting", name);
    return { greeting: \`Hello, \${name}!\` };
}
`,
    ),
    {
        id: "node-web",
        family: "nodejs",
        title: "JavaScript web page",
        about: "Answers HTTP: open its URL in a browser.",
        name: "hello-web",
        source: `// A web action: headers, status and body are yours.
function main(args) {
    const name = String(args.name || "world").replace(/[&<>"']/g, "");
    return {
        statusCode: 200,
        headers: { "Content-Type": "text/html; charset=utf-8" },
        body: \`<!doctype html><title>Hello</title><h1>Hello, \${name}!</h1>\`,
    };
}
`,
        payload: HELLO,
        web: true,
        editable: true,
    },
    plain(
        "python",
        "python",
        "Python",
        "A greeting, and a line in the log.",
        `# Called with the payload; what it returns is the result.
def main(args):
    name = args.get("name", "world")
    print("greeting", name)
    return {"greeting": f"Hello, {name}!"}
`,
    ),
    {
        id: "java",
        family: "java",
        title: "Java",
        about: "A compiled class that can grow native.",
        name: "hello-java",
        source: javaSource,
        code: JAR,
        main: "Hello",
        payload: HELLO,
        editable: false,
    },
    plain(
        "go",
        "go",
        "Go",
        "Compiled when it is first run.",
        `package main

import "fmt"

// Main is called with the payload; what it returns is the result.
func Main(args map[string]interface{}) map[string]interface{} {
	name, ok := args["name"].(string)
	if !ok {
		name = "world"
	}
	fmt.Println("greeting", name)
	return map[string]interface{}{"greeting": "Hello, " + name + "!"}
}
`,
    ),
    plain(
        "php",
        "php",
        "PHP",
        "A greeting, and a line in the log.",
        `<?php
// Called with the payload; what it returns is the result.
function main(array $args): array
{
    $name = $args["name"] ?? "world";
    echo "greeting $name\\n";
    return ["greeting" => "Hello, $name!"];
}
`,
    ),
    plain(
        "ruby",
        "ruby",
        "Ruby",
        "A greeting, and a line in the log.",
        `# Called with the payload; what it returns is the result.
def main(args)
  name = args["name"] || "world"
  puts "greeting #{name}"
  { "greeting" => "Hello, #{name}!" }
end
`,
    ),
    {
        id: "shell",
        family: "blackbox",
        title: "Program",
        about: "A script or a static binary; its last line is the result.",
        name: "hello-program",
        source: `#!/bin/sh
# The payload is the first argument, as JSON; the last line written is the result.
echo "called with $1"
echo '{"greeting": "Hello from a program!"}'
`,
        image: "openwhisk/dockerskeleton",
        payload: HELLO,
        editable: true,
    },
    {
        id: "sequence",
        family: "sequence",
        title: "Sequence",
        about: "Functions one after the other: each gets what the one before returned.",
        name: "my-sequence",
        source: "",
        payload: HELLO,
        editable: true,
    },
];
