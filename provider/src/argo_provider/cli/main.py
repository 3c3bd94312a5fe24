"""The command `argofn`."""

from __future__ import annotations

import sys

import typer

from argo_provider.cli.lazy import lazy_group

_CLIENT = "argo_provider.cli.client"
_FUNCTIONS, _INSIGHT, _SERVICE = "Functions and what belongs to them", "See what happens, and why", "Run a service"
_HERE = "This command line"

COMMANDS = {
    "action": (f"{_CLIENT}.actions", "app", _FUNCTIONS),
    "package": (f"{_CLIENT}.packages", "app", _FUNCTIONS),
    "trigger": (f"{_CLIENT}.triggers", "app", _FUNCTIONS),
    "rule": (f"{_CLIENT}.rules", "app", _FUNCTIONS),
    "api": (f"{_CLIENT}.apis", "app", _FUNCTIONS),
    "list": (f"{_CLIENT}.entities", "app", _FUNCTIONS),
    "new": (f"{_CLIENT}.new", "app", _FUNCTIONS),
    "dev": (f"{_CLIENT}.dev", "app", _FUNCTIONS),
    "activation": (f"{_CLIENT}.activations", "app", _INSIGHT),
    "logs": (f"{_CLIENT}.logs", "app", _INSIGHT),
    "top": (f"{_CLIENT}.top", "app", _INSIGHT),
    "tiers": (f"{_CLIENT}.tiers", "app", _INSIGHT),
    "why": (f"{_CLIENT}.tiers", "app", _INSIGHT),
    "builds": (f"{_CLIENT}.builds", "app", _INSIGHT),
    "optimise": (f"{_CLIENT}.tiers", "app", _INSIGHT),
    "pin": (f"{_CLIENT}.tiers", "app", _INSIGHT),
    "unpin": (f"{_CLIENT}.tiers", "app", _INSIGHT),
    "demote": (f"{_CLIENT}.tiers", "app", _INSIGHT),
    "bench": (f"{_CLIENT}.bench", "app", _INSIGHT),
    "trace": ("argo_provider.cli.trace", "trace", _INSIGHT),
    "serve": ("argo_provider.cli.serve", "serve", _SERVICE),
    "node": ("argo_provider.cli.node", "node", _SERVICE),
    "nodes": ("argo_provider.cli.nodes", "nodes", _SERVICE),
    "drain": ("argo_provider.cli.nodes", "drain", _SERVICE),
    "namespace": ("argo_provider.cli.namespace", "namespaces", _SERVICE),
    "backup": ("argo_provider.cli.backup", "backup", _SERVICE),
    "restore": ("argo_provider.cli.backup", "restore", _SERVICE),
    "doctor": ("argo_provider.cli.doctor", "doctor", _SERVICE),
    "settings": ("argo_provider.cli.settings", "show_settings", _SERVICE),
    "openapi": ("argo_provider.cli.about", "openapi", _SERVICE),
    "property": (f"{_CLIENT}.property", "app", _HERE),
    "completion": ("argo_provider.cli.completion", "completion", _HERE),
    "version": ("argo_provider.cli.about", "version", _HERE),
}

app = typer.Typer(
    name="argofn",
    cls=lazy_group(COMMANDS),
    help="Argo: a serverless provider that speaks the OpenWhisk action API, and the client for it.",
    epilog="Exit status: 0 done, 1 failed, 2 misused, 3 no service answers; an HTTP error minus 256, as with wsk:"
    " 145 wrong key, 148 not found, 153 conflict, 173 throttled, 246 the function failed, 247 overloaded.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def callback() -> None:
    """Nothing: what there is to do is in the commands."""


def main() -> None:
    try:
        app(prog_name="argofn")
    except BrokenPipeError:
        sys.exit(0)
