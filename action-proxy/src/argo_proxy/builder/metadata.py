"""native-image's JSON files: merging what was recorded, and adding what an image turned out to lack."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFLECTION = "reflect-config.json"
RESOURCES = "resource-config.json"
PROXIES = "proxy-config.json"
SERIALIZATION = "serialization-config.json"
_MEMBER = re.compile(r"(?P<type>[^#]+)#(?P<name>[^(]+)(?:\((?P<parameters>.*)\))?$")
_BULK = {
    "getDeclaredFields": "allDeclaredFields",
    "getFields": "allPublicFields",
    "getRecordComponents": "allRecordComponents",
}

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Miss:
    """Something that the closed world lacked: an entry of "missing" in a function library's reply."""

    kind: str
    name: str


def write_misses(misses: Iterable[Miss], folder: Path) -> None:
    """Writes the JSON files that would have prevented the misses; merges with what the folder has.

    Raises ValueError for a miss of an unknown kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for miss in misses:
        file, entries = _entries(miss)
        merge(folder / file, entries)


def merge(file: Path, entries: Sequence[Entry]) -> None:
    """Adds entries to a JSON list; those of one class become one."""
    have: list[Entry] = json.loads(file.read_text()) if file.is_file() else []
    for entry in entries:
        known = next((old for old in have if _same(old, entry)), None)
        if known is None:
            have.append(entry)
        else:
            _add(known, entry)
    file.write_text(json.dumps(have, indent=1, sort_keys=True) + "\n")


def _same(left: Entry, right: Entry) -> bool:
    return left.get("name") == right.get("name") and left.get("interfaces") == right.get("interfaces")


def _add(known: Entry, entry: Mapping[str, Any]) -> None:
    for key, value in entry.items():
        if isinstance(value, list) and isinstance(known.get(key), list):
            known[key] += [item for item in value if item not in known[key]]
        else:
            known[key] = value


def _entries(miss: Miss) -> tuple[str, list[Entry]]:
    if miss.kind == "class":
        return REFLECTION, [{"name": miss.name}]
    if miss.kind in ("method", "constructor", "field"):
        return REFLECTION, [_member(miss)]
    if miss.kind == "proxy":
        return PROXIES, [{"interfaces": miss.name.split(",")}]
    if miss.kind == "serialization":
        return SERIALIZATION, [{"name": miss.name}]
    raise ValueError(f"a miss of the unknown kind {miss.kind!r}")


def _member(miss: Miss) -> Entry:
    found = _MEMBER.match(miss.name)
    if found is None:
        raise ValueError(f"{miss.name!r} names no member of a class")
    owner, name, parameters = found["type"], found["name"], found["parameters"]
    if miss.kind == "field":
        return {"name": owner, "fields": [{"name": name}]}
    if parameters is None:
        return {"name": owner, _BULK.get(name, _query(name)): True}
    types = [text for text in parameters.split(",") if text]
    return {"name": owner, "methods": [{"name": name, "parameterTypes": types}]}


def _query(name: str) -> str:
    """`getMethods` → queryAllPublicMethods, `getDeclaredMethods` → queryAllDeclaredMethods."""
    tail = name.removeprefix("get")
    return f"queryAll{tail}" if tail.startswith("Declared") else f"queryAllPublic{tail}"
