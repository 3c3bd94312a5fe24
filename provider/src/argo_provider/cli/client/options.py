"""Arguments and options that several client commands have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from argo_provider.cli.client.arguments import collected, key_values
from argo_provider.cli.client.failures import ClientError
from argo_provider.cli.client.session import from_environment


def names_of(collection: str) -> Callable[[str], list[str]]:
    """Completion with the names that the service has now; none when it cannot be asked."""

    def complete(incomplete: str) -> list[str]:
        try:
            return [name for name in from_environment().names(collection) if name.startswith(incomplete)]
        except ClientError:
            return []

    return complete


Action = Annotated[str, typer.Argument(metavar="ACTION", show_default=False, autocompletion=names_of("actions"))]
Package = Annotated[str, typer.Argument(metavar="PACKAGE", show_default=False, autocompletion=names_of("packages"))]
Trigger = Annotated[str, typer.Argument(metavar="TRIGGER", show_default=False, autocompletion=names_of("triggers"))]
Rule = Annotated[str, typer.Argument(metavar="RULE", show_default=False, autocompletion=names_of("rules"))]
Field = Annotated[str | None, typer.Argument(metavar="[FIELD]", help="Only this field.", show_default=False)]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="KEY VALUE", help="A parameter; repeatable.", show_default=False),
]
ParamFile = Annotated[
    Path | None,
    typer.Option("--param-file", "-P", metavar="FILE", help="Parameters, a JSON object.", show_default=False),
]
Annotations = Annotated[
    list[str] | None,
    typer.Option("--annotation", "-a", metavar="KEY VALUE", help="An annotation; repeatable.", show_default=False),
]
AnnotationFile = Annotated[
    Path | None,
    typer.Option("--annotation-file", "-A", metavar="FILE", help="Annotations, a JSON object.", show_default=False),
]
Shared = Annotated[
    str | None, typer.Option("--shared", metavar="yes|no", help="Others may use it.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", "-l", min=0, max=200, help="At most so many; 0: 200.")]
Skip = Annotated[int, typer.Option("--skip", "-s", min=0, help="Leave out the first.")]
NameSort = Annotated[bool, typer.Option("--name-sort", "-n", help="By name; else the latest first.")]
Summary = Annotated[bool, typer.Option("--summary", "-s", help="What it is for and what it takes, in words.")]


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list, and in which order."""

    limit: Limit = 30
    skip: Skip = 0
    name_sort: NameSort = False

    def query(self) -> dict[str, Any]:
        return {"limit": self.limit, "skip": self.skip}

    def sorted(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """In the service's order, the latest change first, unless by name."""
        return sorted(found, key=lambda each: str(each["name"])) if self.name_sort else found


@dataclass(frozen=True, slots=True)
class Annotating:
    """How annotations are given."""

    annotation: Annotations = None
    annotation_file: AnnotationFile = None

    def annotations(self) -> dict[str, Any]:
        return collected(self.annotation, self.annotation_file, option="--annotation")


@dataclass(frozen=True, slots=True)
class Describing:
    """How parameters and annotations are given."""

    param: Params = None
    param_file: ParamFile = None
    annotation: Annotations = None
    annotation_file: AnnotationFile = None

    def parameters(self) -> dict[str, Any]:
        return collected(self.param, self.param_file)

    def annotations(self) -> dict[str, Any]:
        return Annotating(self.annotation, self.annotation_file).annotations()

    def fields(self) -> dict[str, Any]:
        """`parameters` and `annotations` of a body, as far as given."""
        found = {"parameters": key_values(self.parameters()), "annotations": key_values(self.annotations())}
        return {key: value for key, value in found.items() if value}
