"""`argofn version` and `argofn openapi`."""

from __future__ import annotations

import typer

from argo_provider import __version__


def version() -> None:
    """Print the version."""
    typer.echo(f"argofn {__version__}")


def openapi() -> None:
    """Print the OpenAPI document of the REST API (JSON, which is YAML as well)."""
    from argo_provider.api.openapi import document  # noqa: PLC0415  # --help answers without the service's imports
    from argo_proxy import jsontext  # noqa: PLC0415

    typer.echo(jsontext.pretty(document()).decode())
