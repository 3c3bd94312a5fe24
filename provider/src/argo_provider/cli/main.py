"""The command `argofn`."""

from __future__ import annotations

import typer

from argo_provider import __version__
from argo_provider.cli.doctor import doctor
from argo_provider.cli.namespace import namespaces
from argo_provider.cli.serve import serve
from argo_provider.cli.settings import show_settings

app = typer.Typer(
    name="argofn",
    help="Argo: a serverless provider that speaks the OpenWhisk action API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(doctor)
app.command("settings")(show_settings)
app.add_typer(namespaces, name="namespace")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"argofn {__version__}")


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the REST API (JSON, which is YAML as well)."""
    from argo_provider.api.openapi import document  # noqa: PLC0415  # --help answers without the service's imports
    from argo_proxy import jsontext  # noqa: PLC0415

    typer.echo(jsontext.pretty(document()).decode())


def main() -> None:
    app(prog_name="argofn")
