"""`argofn new`: a function to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from argo_provider.cli.client import output
from argo_provider.cli.client.failures import Misused, near
from argo_provider.cli.client.session import Session, command
from argo_provider.cli.client.templates import TEMPLATES, Template

app = typer.Typer()


def _complete(incomplete: str) -> list[str]:
    return [kind for kind in TEMPLATES if kind.startswith(incomplete)]


@command(app, "new", "argofn new greet", "argofn new answer --kind python --in functions")
def new(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The function's.", show_default=False)],
    kind: Annotated[
        str, typer.Option("--kind", "-k", metavar="|".join(TEMPLATES), help="Of what kind.", autocompletion=_complete)
    ] = "nodejs",
    folder: Annotated[Path, typer.Option("--in", metavar="FOLDER", help="Where.", show_default=False)] = Path(),
) -> None:
    """Write a function of a kind, and say how to deploy it. Nothing that is there is overwritten."""
    template = _template(kind)
    if not name or name != Path(name).name or name.startswith("."):
        raise Misused(f"{name!r} is no name for a file", "a name of letters, digits, - and _")
    written = write(template, name, folder)
    steps = next_steps(template, name, folder)
    data = {"files": [str(path) for path in written], "next": steps}
    lines = [output.ok(f"wrote {', '.join(data['files'])}"), *(f"  next: {step}" for step in steps)]
    output.emit(session, data, lambda: "\n".join(lines), lambda _: "\n".join(data["files"]))


def _template(kind: str) -> Template:
    family = kind.partition(":")[0]
    if family not in TEMPLATES:
        meant = near(family, TEMPLATES)
        raise Misused(f"there is no template {kind}", f"--kind {meant[0] if meant else '|'.join(TEMPLATES)}")
    return TEMPLATES[family]


def write(template: Template, name: str, folder: Path) -> list[Path]:
    """The files of the template. Misused, before anything is written, if one is there."""
    paths = {folder / file.replace("NAME", name): text.replace("NAME", name) for file, text in template.files.items()}
    for path in paths:
        if path.exists():
            raise Misused(f"{path} is there already", f"another name, or --in FOLDER, or: rm {path}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            path.write_text(text, encoding="utf-8")
            if text.startswith("#!"):
                path.chmod(0o755)
    except OSError as error:
        raise Misused(f"cannot write into {folder}: {error.strerror}", "--in FOLDER") from error
    return list(paths)


def next_steps(template: Template, name: str, folder: Path) -> list[str]:
    """The commands that bring it to life."""
    go = [f"cd {folder}"] if folder != Path() else []
    build = [template.build] if template.build else []
    words = template.deploy.replace("NAME", name)
    return [*go, *build, f"argofn action update {name} {words}", f"argofn action invoke {name} -r", _dev(words)]


def _dev(words: str) -> str:
    return f"argofn dev {words}, to have it deployed whenever you save it"
