"""Parameters and annotations as they are given on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from argo_provider.cli.client.failures import Misused

JOINT = "\x1f"  # between key and value of an option that takes both; see `joined`
PAIRED = {"-p", "--param", "-a", "--annotation", "-F", "--feed-param", "-T", "--trigger-param"}
KeyValues = list[dict[str, Any]]


def joined(words: list[str]) -> list[str]:
    """`-p KEY VALUE` as one word behind `-p`: typer's options take one value each. Nothing else is touched."""
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        found.append(word)
        if word == "--":
            break
        if word in PAIRED:
            found += _pair(rest)
    return [*found, *rest]


def _pair(rest: Any) -> list[str]:
    """The next two words as one; what is missing is for the parser to complain about."""
    key = next(rest, None)
    value = next(rest, None)
    if key is None:
        return []
    return [key] if value is None else [f"{key}{JOINT}{value}"]


def value_of(text: str) -> Any:
    """JSON where it is JSON, else the text itself: `-p n 3` is a number, `-p name Argo` a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def collected(pairs: Iterable[str] | None, file: Path | None = None, *, option: str = "--param") -> dict[str, Any]:
    """Those of the file, and over them those given one by one. The file holds a JSON object; `-`: standard input."""
    found: dict[str, Any] = {} if file is None else json_object(file)
    for pair in pairs or ():
        key, joint, value = pair.partition(JOINT)
        if not joint:
            raise Misused(f"{option} takes a key and a value, and {key} has none", f"{option} {key} VALUE")
        found[key] = value_of(value)
    return found


def json_object(file: Path) -> dict[str, Any]:
    """The JSON object that a file holds."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"cannot read {file}: {error}", f"ls -l {file}") from error
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Misused(f"{file} is no JSON: {error}", f"python3 -m json.tool {file}, to see where") from error
    if not isinstance(found, dict):
        raise Misused(f"{file} holds no JSON object but a {type(found).__name__}", 'an object: {"key": "value"}')
    return found


def key_values(found: Mapping[str, Any]) -> KeyValues:
    """As the API carries parameters and annotations."""
    return [{"key": key, "value": value} for key, value in found.items()]


def as_mapping(given: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    """The other way; the last of a name counts."""
    return {str(each["key"]): each.get("value") for each in given or ()}


def web_annotations(web: str | None, secure: str | None) -> dict[str, Any]:
    """What `--web` and `--web-secure` mean as annotations; nothing for neither."""
    found: dict[str, Any] = {}
    if web is not None:
        found |= _web(web.strip().lower())
    if secure is not None:
        found["require-whisk-auth"] = _secret(secure)
    return found


def _web(choice: str) -> dict[str, Any]:
    if choice in {"yes", "true"}:
        return {"web-export": True, "raw-http": False, "final": True}
    if choice == "raw":
        return {"web-export": True, "raw-http": True, "final": True}
    if choice in {"no", "false"}:
        return {"web-export": False, "raw-http": False, "final": False}
    raise Misused(f"--web takes yes, no or raw, not {choice}", "--web yes")


def _secret(text: str) -> Any:
    """`true` makes a secret up; `false` takes it away; anything else is the secret."""
    if text.lower() == "true":
        import secrets  # noqa: PLC0415  # only here

        return secrets.randbelow(2**53)
    return False if text.lower() == "false" else value_of(text)
