"""What recorders have seen, merged into one folder of native-image's JSON files.

It comes out of sandboxes, whose functions may have written it themselves: only entries of the known form are taken, up
to a number, and a pattern only where it names one resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from argo_proxy.builder import metadata
from argo_proxy.builder.metadata import PROXIES, REFLECTION, RESOURCES, SERIALIZATION, Entry, Miss

MOST_ENTRIES = 4000  # of one kind; a large application records some hundreds
_LONGEST_NAME = 1000
_LITERAL = re.compile(r"\\Q((?:[^\\]|\\(?!E))*)\\E$")
_NAME = re.compile(r"[^\x00-\x1f\"]{1,1000}$")
_FLAG = re.compile(r"(all|query|unsafe)[A-Za-z]{1,60}$")


def merge(folder: Path, recording: bytes) -> None:
    """Add one recording (a JSON object, file name → text) to `folder`; what is not as it should be is let fall."""
    files = _object(_parsed(recording))
    folder.mkdir(parents=True, exist_ok=True)
    for name, check in _LISTS.items():
        found = _parsed(files.get(name))
        entries = [entry for each in _list(found) if (entry := check(_object(each))) is not None]
        _merge_list(folder / name, entries)
    _merge_resources(folder / RESOURCES, _object(_parsed(files.get(RESOURCES))))


def add_misses(folder: Path, reply: str) -> tuple[str, ...]:
    """Add what a native invocation said that it lacked; the same in short: "class a.B"."""
    misses = []
    for each in _list(_object(_parsed(reply)).get("missing")):
        kind, name = _text(_object(each).get("kind")), _text(_object(each).get("name"))
        if kind and name:
            misses.append(Miss(kind, name))
    folder.mkdir(parents=True, exist_ok=True)
    known = []
    for miss in misses[:MOST_ENTRIES]:
        if miss.kind == "resource":
            pattern = f"\\Q{miss.name.lstrip('/')}\\E"
            _merge_resources(folder / RESOURCES, {"resources": {"includes": [{"pattern": pattern}]}})
        else:
            try:
                metadata.write_misses([miss], folder)
            except ValueError:
                continue
        known.append(f"{miss.kind} {miss.name}")
    return tuple(known)


def _merge_list(file: Path, entries: list[Entry]) -> None:
    if entries:
        have = len(_list(_parsed(file.read_bytes()))) if file.is_file() else 0
        metadata.merge(file, entries[: max(0, MOST_ENTRIES - have)])


def _merge_resources(file: Path, found: Entry) -> None:
    have = _object(_parsed(file.read_bytes())) if file.is_file() else {}
    patterns = _unique(_patterns(have) + _patterns(found))
    bundles: dict[str, set[str]] = {}
    for each in (*_list(have.get("bundles")), *_list(found.get("bundles"))):
        bundle = _object(each)
        name = _text(bundle.get("name"))
        if name:
            bundles.setdefault(name, set()).update(filter(None, map(_text, _list(bundle.get("locales")))))
    if not patterns and not bundles:
        return
    merged = {
        "resources": {"includes": [{"pattern": pattern} for pattern in patterns[:MOST_ENTRIES]]},
        "bundles": [{"name": name, "locales": sorted(bundles[name])} for name in sorted(bundles)[:MOST_ENTRIES]],
    }
    file.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n")


def _patterns(resources: Entry) -> list[str]:
    includes = _list(_object(resources.get("resources")).get("includes"))
    texts = [str(_object(each).get("pattern", "")) for each in includes]
    return [text for text in texts if len(text) <= _LONGEST_NAME and _LITERAL.match(text)]


def _reflection(entry: Entry) -> Entry | None:
    name = _text(entry.get("name"))
    if not name:
        return None
    made: Entry = {"name": name}
    made |= {key: True for key, value in entry.items() if value is True and _FLAG.match(key)}
    if methods := [method for each in _list(entry.get("methods")) if (method := _method(_object(each)))]:
        made["methods"] = methods
    fields = [{"name": field} for each in _list(entry.get("fields")) if (field := _text(_object(each).get("name")))]
    if fields:
        made["fields"] = fields
    return made


def _method(entry: Entry) -> Entry | None:
    name = _text(entry.get("name"))
    types = [_text(each) for each in _list(entry.get("parameterTypes"))]
    return {"name": name, "parameterTypes": types} if name and all(types) else None


def _proxy(entry: Entry) -> Entry | None:
    interfaces = [_text(each) for each in _list(entry.get("interfaces"))]
    return {"interfaces": interfaces} if interfaces and all(interfaces) else None


def _named(entry: Entry) -> Entry | None:
    name = _text(entry.get("name"))
    return {"name": name} if name else None


_LISTS: dict[str, Callable[[Entry], Entry | None]] = {
    REFLECTION: _reflection,
    PROXIES: _proxy,
    SERIALIZATION: _named,
}


def _parsed(data: Any) -> Any:
    try:
        return json.loads(data) if isinstance(data, str | bytes) else None
    except (ValueError, RecursionError):
        return None


def _object(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value[:MOST_ENTRIES] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) and _NAME.match(value) else ""


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
