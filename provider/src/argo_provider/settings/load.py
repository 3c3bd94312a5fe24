"""Reads the settings from their sources and says where each value came from."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from argo_provider.settings.tree import Leaf, Secret, Settings, leaves, ranges

T = TypeVar("T")
# Variables of the product that are no settings: those of ./dev, of tests and benches, and of what runs in sandboxes.
NOT_SETTINGS = ("ARGO_CACHE", "ARGO_CONFIG", "ARGO_LISTEN", "ARGO_FETCHED", "ARGO_BUILD_DIR", "ARGO_NIUK_HOST")
NOT_SETTINGS_PREFIXES = ("ARGO_TEST_", "ARGO_BENCH_", "ARGO_DEV_")


class SettingsError(Exception):
    """The settings cannot be used; the message says which one, where it came from, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for every key that is not the default the source it came from."""

    settings: Settings
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Given:
    """A value from a source, not yet of its type. `text`: it came as text, so "8080" is a number."""

    value: Any
    origin: str
    text: bool = False


def load(
    *,
    file: Path | None = None,
    environ: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
    assignments: Iterable[str] = (),
) -> Loaded:
    """Settings from `file` (TOML), `environ`, `assignments` ("server.port=80") and `flags` (by key; None: not given).

    Raises SettingsError.
    """
    known = {leaf.key: leaf for leaf in leaves(Settings())}
    given: dict[str, _Given] = {}
    if file is not None:
        given |= _from_file(file, known)
    given |= _from_environment(environ, known)
    given |= _from_assignments(assignments, known)
    given |= {key: _Given(value, "flag") for key, value in (flags or {}).items() if value is not None}
    values = {known[key].path: _convert(known[key], each) for key, each in given.items()}
    try:
        settings = _assemble(Settings(), values)
    except ValueError as error:  # a part of the tree refuses its values
        raise SettingsError(str(error)) from error
    _check(settings)
    return Loaded(settings, {key: each.origin for key, each in given.items()})


def _from_file(file: Path, known: Mapping[str, Leaf]) -> dict[str, _Given]:
    try:
        document = tomllib.loads(file.read_text())
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {file} is not valid TOML: {error}") from error
    given = {}
    for key, value in _flat(document):
        leaf = known.get(key.removesuffix("_file"))
        if leaf is not None and leaf.is_secret:
            if key == leaf.key:
                raise SettingsError(
                    f"{key} in {file} is a secret: keep it in a file of its own and write {key}_file = its path"
                )
            given[leaf.key] = _Given(_read_secret(key, file.parent / str(value)), f"file {value}")
        elif key in known:
            given[key] = _Given(value, f"file {file}")
        else:
            raise SettingsError(f"unknown setting {key} in {file}{_nearest(key, known)}")
    return given


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _from_environment(environ: Mapping[str, str], known: Mapping[str, Leaf]) -> dict[str, _Given]:
    by_variable = {leaf.variable: leaf for leaf in known.values()}
    given = {}
    for name, value in environ.items():
        if not name.startswith("ARGO_") or name in NOT_SETTINGS or name.startswith(NOT_SETTINGS_PREFIXES):
            continue
        leaf = by_variable.get(name.removesuffix("_FILE"))
        if name in by_variable:
            given[by_variable[name].key] = _Given(value, f"environment {name}", text=True)
        elif leaf is not None and leaf.is_secret:
            given[leaf.key] = _Given(_read_secret(name, Path(value)), f"file {value}")
        else:
            raise SettingsError(f"unknown setting {name} in the environment{_nearest(name, by_variable)}")
    return given


def _from_assignments(assignments: Iterable[str], known: Mapping[str, Leaf]) -> dict[str, _Given]:
    given = {}
    for each in assignments:
        key, equals, value = each.partition("=")
        if not equals:
            raise SettingsError(f"--set {each} has no value: write KEY=VALUE")
        if key not in known:
            raise SettingsError(f"unknown setting {key} after --set{_nearest(key, known)}")
        if known[key].is_secret:
            raise SettingsError(f"{key} is a secret, and command lines are seen by all: set {known[key].variable}_FILE")
        given[key] = _Given(value, f"--set {key}", text=True)
    return given


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else "; all are listed in docs/reference/settings.md"


def _read_secret(key: str, file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{key}: cannot read the secret from {file}: {error}") from error


def _convert(leaf: Leaf, given: _Given) -> Any:
    if leaf.is_secret:
        return Secret(str(given.value)) if given.value else None
    raw = given.value
    if given.text and leaf.type == tuple[str, ...]:
        raw = tuple(part.strip() for part in raw.split(",") if part.strip())
    try:
        value = msgspec.convert(raw, leaf.type, strict=not given.text, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{leaf.key} (from {given.origin}) is {raw!r}: {error}") from error
    if leaf.low is not None and value is not None and value < leaf.low:
        raise SettingsError(f"{leaf.key} (from {given.origin}) is {value}: the smallest is {leaf.low:g}")
    if leaf.high is not None and value is not None and value > leaf.high:
        raise SettingsError(f"{leaf.key} (from {given.origin}) is {value}: the largest is {leaf.high:g}")
    return value


def _path(wanted: type, raw: Any) -> Any:
    if wanted is Path and isinstance(raw, str) and raw:
        return Path(raw).expanduser().absolute()
    raise ValueError("expected a path")


def _assemble(tree: T, values: Mapping[tuple[str, ...], Any]) -> T:
    """`tree` with the leaves that are in `values` replaced."""
    changes: dict[str, Any] = {}
    for each in fields(tree):  # type: ignore[arg-type]  # a dataclass, as all of the tree
        below = {path[1:]: value for path, value in values.items() if path[0] == each.name}
        if below:
            part = getattr(tree, each.name)
            changes[each.name] = _assemble(part, below) if is_dataclass(part) else below[()]
    return replace(tree, **changes)  # type: ignore[type-var]


def _check(settings: Settings) -> None:
    """What holds between settings."""
    if (settings.server.tls_cert is None) != (settings.server.tls_key is None):
        raise SettingsError("TLS needs both server.tls_cert and server.tls_key (--tls-cert and --tls-key)")
    for key, allowed in ranges(settings):
        if not allowed.low <= allowed.default <= allowed.high:
            order = f"{allowed.low} (low) ≤ {allowed.default} (default) ≤ {allowed.high} (high)"
            raise SettingsError(f"{key}: {order} must hold")
