"""What `argofn new` writes: a function of each kind that runs as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_NODEJS = """\
/** Called with the parameters of the invocation; what it returns, or the promise of it, is the result. */
function main(args) {
  const name = args.name || 'world'
  console.log('greeting', name)
  return { greeting: `Hello ${name}` }
}
"""
_WEB = """\
/** A web action: `body` is what a browser gets. Deployed with --web yes. */
function main(args) {
  const name = String(args.name || 'world').replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
  return {
    statusCode: 200,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    body: `<!doctype html><title>NAME</title><h1>Hello ${name}</h1>`
  }
}
"""
_PYTHON = '''\
"""Called with the parameters of the invocation; the dictionary that it returns is the result."""


def main(args):
    name = args.get("name", "world")
    print("greeting", name)
    return {"greeting": f"Hello {name}"}
'''
_JAVA = """\
import com.google.gson.JsonObject;

/** Called with the parameters of the invocation; the object that it returns is the result. */
public class Main {
    public static JsonObject main(JsonObject args) {
        String name = args.has("name") ? args.getAsJsonPrimitive("name").getAsString() : "world";
        System.out.println("greeting " + name);
        JsonObject result = new JsonObject();
        result.addProperty("greeting", "Hello " + name);
        return result;
    }
}
"""
_JAVA_BUILD = """\
#!/bin/sh
# Makes NAME.jar. GSON: the library that every Java function finds at run time (Debian: libgoogle-gson-java).
set -eu
cd -- "$(dirname -- "$0")"
: "${GSON:=/usr/share/java/gson.jar}"
out=$(mktemp -d)
trap 'rm -rf -- "$out"' EXIT
javac --release 17 -cp "$GSON" -d "$out" Main.java
jar --create --file NAME.jar -C "$out" .
"""
_RUBY = """\
# Called with the parameters of the invocation; the hash that it returns is the result.
def main(args)
  name = args['name'] || 'world'
  puts "greeting #{name}"
  { 'greeting' => "Hello #{name}" }
end
"""
_PHP = """\
<?php
// Called with the parameters of the invocation; the array that it returns is the result.
function main(array $args): array
{
    $name = $args['name'] ?? 'world';
    echo "greeting $name\\n";
    return ['greeting' => "Hello $name"];
}
"""
_GO = """\
package main

import "fmt"

// Main is called with the parameters of the invocation; the map that it returns is the result.
func Main(args map[string]interface{}) map[string]interface{} {
	name, ok := args["name"].(string)
	if !ok {
		name = "world"
	}
	fmt.Println("greeting", name)
	return map[string]interface{}{"greeting": "Hello " + name}
}
"""
_NATIVE = """\
#!/bin/sh
# Called with the parameters as JSON, the first argument. The last line it prints is the result, a JSON object.
echo "called with $1"
echo '{"greeting": "Hello world"}'
"""


@dataclass(frozen=True, slots=True)
class Template:
    """`files` by name, in which NAME stands for the function's; `deploy`: what follows `argofn action update NAME`."""

    about: str
    files: Mapping[str, str]
    deploy: str
    build: str = ""


TEMPLATES: Mapping[str, Template] = {
    "nodejs": Template("JavaScript on Node.js", {"NAME.js": _NODEJS}, "NAME.js"),
    "web": Template("JavaScript that answers a browser", {"NAME.js": _WEB}, "NAME.js --web yes"),
    "python": Template("Python", {"NAME.py": _PYTHON}, "NAME.py"),
    "java": Template(
        "Java, as a jar", {"Main.java": _JAVA, "build.sh": _JAVA_BUILD}, "NAME.jar --main Main", "sh build.sh"
    ),
    "ruby": Template("Ruby", {"NAME.rb": _RUBY}, "NAME.rb"),
    "php": Template("PHP", {"NAME.php": _PHP}, "NAME.php"),
    "go": Template("Go", {"NAME.go": _GO}, "NAME.go"),
    "native": Template("any executable", {"NAME": _NATIVE}, "NAME --native"),
}
