"""Writes the pages of docs/reference that are made from the code: `python -m argo_dev.reference`.

A test holds the committed pages equal to these: what is undocumented fails it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from prometheus_client.metrics_core import Metric

from argo_provider.api import openapi
from argo_provider.cli.main import COMMANDS, app
from argo_provider.placement.port import PlacementSnapshot
from argo_provider.settings import reference as settings
from argo_provider.telemetry.metrics import Metrics
from argo_provider.telemetry.pool import PoolMetrics

# What every client command takes: listed once.
_CLIENTS = ("--apihost", "--auth", "--insecure", "--apiversion", "--cert", "--key", "--output", "--verbose")
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
_MADE = "Made from the code by `./dev docs`; a test holds it complete."


def pages() -> dict[str, str]:
    """File name → Markdown."""
    made: dict[str, Callable[[], str]] = {
        "settings.md": settings.render,
        "cli.md": cli,
        "rest.md": rest,
        "metrics.md": metrics,
    }
    return {name: make() for name, make in made.items()}


def main() -> None:
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


# ---------------------------------------------------------------- the command line


def cli() -> str:
    """Every command with its arguments and options, as its `--help` has them."""
    root: Any = typer.main.get_command(app)
    lines = ["# Command line", "", _MADE, "", str(root.help), "", str(root.epilog), ""]
    shared = [p for p in root.commands["list"].params if p.param_type_name == "option" and p.opts[0] in _CLIENTS]
    lines += ["Commands that talk to a service all take these, beside their own:", "", *_table(shared)]
    heading = ""
    for name, (_, _, panel) in COMMANDS.items():
        if panel != heading:
            heading = panel
            lines += [f"## {panel}", ""]
        for path, command in _commands(f"argofn {name}", root.commands[name]):
            lines += _command(path, command)
    return _text(lines)


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The command, or those of the group."""
    inner: Mapping[str, Any] | None = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name in inner:
        yield from _commands(f"{path} {name}", inner[name])


def _command(path: str, command: Any) -> list[str]:
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    options = [p for p in shown if p.param_type_name == "option" and p.name != "help"]
    if all(name in {p.opts[0] for p in options} for name in ("--apihost", "--output")):
        options = [p for p in options if p.opts[0] not in _CLIENTS]
    usage = [path, *(_argument(p) for p in arguments), *(["[OPTION…]"] if options else [])]
    lines = [f"### {path}", "", f"`{' '.join(usage)}`", "", *_about(command.help or ""), ""]
    return [*lines, *_table([*arguments, *options])]


def _table(parameters: list[Any]) -> list[str]:
    rows = [f"| {_names(p)} | {_cell(p.help or '')} |" for p in parameters]
    return ["| | |", "| --- | --- |", *rows, ""] if rows else []


def _about(text: str) -> list[str]:
    """Its paragraphs; those that are commands as code."""
    return [f"    {line.strip()}" if line.startswith("$ ") else line for line in text.splitlines()]


def _argument(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name.upper()).strip("[]")
    many = "…" if parameter.nargs == -1 else ""
    return f"{name}{many}" if parameter.required else f"[{name}{many}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_argument(parameter)}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    takes = (
        ""
        if parameter.is_flag or parameter.count
        else f" {_cell(str(parameter.metavar or parameter.type.name.upper()))}"
    )
    return names + takes


# ---------------------------------------------------------------- the API


def rest() -> str:
    """Every route by its tag; the whole is in openapi.yaml."""
    document = openapi.document()
    lines = ["# REST API", "", _MADE, "", str(document["info"]["description"])]
    lines += ["The whole of it, with the schemas: [openapi.yaml](../openapi.yaml); a running service answers it at", ""]
    lines[-2] += " `/api/v1/api-docs`."
    tags: dict[str, list[str]] = {}
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            if isinstance(operation, Mapping) and "responses" in operation:
                tags.setdefault(operation["tags"][0], []).append(_operation(path, verb, operation))
    for tag, rows in tags.items():
        lines += [
            f"## {tag}",
            "",
            "| request | what it does | query | answers |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    return _text(lines)


def _operation(path: str, verb: str, operation: Mapping[str, Any]) -> str:
    query = ", ".join(f"`{p['name']}`" for p in operation.get("parameters", ()) if p.get("in") == "query")
    answers = ", ".join(status for status in operation["responses"] if status != "default")
    return f"| `{verb.upper()} {path}` | {_cell(operation['summary'])} | {query} | {answers} |"


# ---------------------------------------------------------------- metrics


def metrics() -> str:
    """Every metric of `GET /metrics`."""
    kept = Metrics()
    PoolMetrics(kept.registry)
    kept.watch_pool(lambda: PlacementSnapshot(0, 0, 0, {}, (), draining=False))
    lines = ["# Metrics", "", _MADE, ""]
    lines += [
        "`GET /metrics`, in Prometheus' text format: for callers on the loopback address, and for those who send the"
    ]
    lines += ["token of `server.metrics_token`. Seconds and bytes throughout.", ""]
    lines += ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    families = sorted(kept.registry.collect(), key=lambda family: family.name)
    return _text([*lines, *(_family(family) for family in families)])


def _family(family: Metric) -> str:
    labels = getattr(family, "_labelnames", None) or sorted({n for s in family.samples for n in s.labels} - {"le"})
    name = f"{family.name}_total" if family.type == "counter" else family.name
    name = f"{family.name}_info" if family.type == "info" else name
    return (
        f"| `{name}` | {family.type} | {', '.join(f'`{label}`' for label in labels)} | {_cell(family.documentation)} |"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _text(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
