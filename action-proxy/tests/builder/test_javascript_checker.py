"""The checker names what the engine lacks, where it stands, and nothing that is not code."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from argo_proxy.builder.javascript_checker import MODULES, Need, check, check_archive, check_source
from argo_proxy.builder.javascript_tokens import UnreadableSourceError, tokens
from argo_proxy.builder.sources import niuk_runtime

pytestmark = pytest.mark.unit

ACTION = "/tmp/action.js"


def archive(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as target:
        for name, text in files.items():
            target.writestr(name, text)
    return data.getvalue()


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("function main() { return {} }", []),
        ("const fs = require('fs')\nfunction main() {}", [(1, "fs")]),
        ("\n\nconst { get } = require(\n'node:http')", [(3, "node:http")]),
        ("const p = require('path'), u = require('node:util')", []),
        ("// require('fs')\n/* require('fs') */ 'require(\"fs\")'; `require('fs')`", []),
        ("x = /require('fs')/; y = a / require('net') / b", [(1, "net")]),
        ("`${require('fs')} ${`${require('os')}`}`", [(1, "fs"), (1, "os")]),
        ("const name = 'fs'; require(name)", [(1, "a module whose name is computed")]),
        ("require(`fs`)", [(1, "fs")]),
        ("require('f' + 's')", [(1, "a module whose name is computed")]),
        ("import fs from 'fs'; export default 1", [(1, "an ES module"), (1, "an ES module")]),
        ("await import('x')", [(1, "import()")]),
        ("fetch('http://x').then(r => r.json())", [(1, "fetch")]),
        ("client.fetch(1); const o = { fetch: 2 }; if (typeof fetch === 'undefined') {}", []),
        ("function fetch() {} fetch()", []),
        ("const c = require('crypto'); c.randomBytes(4); crypto.createCipheriv('a')", [(1, "crypto.createCipheriv")]),
        ("const { createHash, createSign } = require('crypto')", [(1, "crypto.createSign")]),
        ("process.binding('fs'); process.env.X", [(1, "process.binding")]),
        ("new Worker('x'); WebAssembly.compile()", [(1, "WebAssembly"), (1, "Worker")]),
        ("require('lodash')", [(1, "lodash")]),
        ("obj.require('fs')", []),
        ("\\u0072equire('fs')", [(1, "a name written in escapes")]),
    ],
)
def test_needs_of_a_source(source: str, needs: list[tuple[int, str]]) -> None:
    assert [(need.line, need.module) for need in check_source(source)] == sorted(set(needs))


@pytest.mark.parametrize("source", ["'open", "`open ${", "}", "`${ { }", "function main() {"])
def test_a_source_that_cannot_be_read_is_refused(source: str) -> None:
    [need] = check_source(source)
    assert need.module.startswith("source that can be read")


def test_tokens_know_lines_and_values() -> None:
    found = tokens("#!shebang\nlet a = 'x\\u0041\\\ny'\n  + `t${1}u`")
    assert [(token.kind, token.value, token.line) for token in found] == [
        ("word", "let", 2),
        ("word", "a", 2),
        ("mark", "=", 2),
        ("text", "xAy", 2),
        ("mark", "+", 4),
        ("template", "t", 4),
        ("word", "1", 4),
        ("template", "u", 4),
    ]
    with pytest.raises(UnreadableSourceError):
        tokens('"cut')


def test_an_archives_modules_are_followed_from_its_entry() -> None:
    data = archive(
        **{
            "package.json": '{"main": "lib/start.js"}',
            "lib/start.js": "require('./a'); require('dep'); require('@scope/pack/sub')",
            "lib/a/index.js": "require('../data.json')\nrequire('fs')",
            "lib/unused.js": "require('net')",
            "data.json": "{}",
            "lib/data.json": "{}",
            "node_modules/dep/package.json": '{"exports": {".": {"import": "./m.mjs", "require": "./c.js"}}}',
            "node_modules/dep/c.js": "module.exports = require('http2')",
            "node_modules/@scope/pack/sub.js": "require('./native.node')",
            "node_modules/@scope/pack/native.node": "\x7fELF",
        }
    )
    assert check_archive(data) == [
        Need("/lib/a/index.js", 2, "fs"),
        Need("/node_modules/@scope/pack/native.node", 0, "a native add-on"),
        Need("/node_modules/dep/c.js", 1, "http2"),
    ]


def test_es_modules_and_missing_entries_of_archives_are_refused() -> None:
    assert check_archive(archive(**{"package.json": '{"type": "module"}', "index.js": "1"})) == [
        Need("/index.js", 1, "an ES module")
    ]
    assert check_archive(archive(readme="x")) == [Need("/", 0, "the module at its root")]
    assert check(archive(**{"a.js": "require('dns')"}), binary=True, main="a.run") == [Need("/a.js", 1, "dns")]
    [need] = check(b"no zip", binary=True)
    assert need.module.startswith("a zip that can be read")


def test_checker_and_engine_know_the_same_modules() -> None:
    bootstrap = (niuk_runtime() / "engine/js/bootstrap.js").read_text()
    public = bootstrap[bootstrap.index("const PUBLIC") : bootstrap.index("};", bootstrap.index("const PUBLIC"))]
    assert set(re.findall(r"^    '?([\w/]+)'?: \(\)", public, re.MULTILINE)) == MODULES
