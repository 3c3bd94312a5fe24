"""`argofn completion SHELL`: the script that a shell reads to complete commands, options, and names that are there."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from argo_provider.cli.terminal import say

VARIABLE = "_ARGOFN_COMPLETE"  # how typer is asked, see its documentation of `--show-completion`


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Which shell.", show_default=False)]) -> None:
    """Print the completion script: eval "$(argofn completion bash)" in ~/.bashrc; fish: … | source."""
    from typer._completion_shared import get_completion_script  # noqa: PLC0415  # only here, and nowhere public

    say(get_completion_script(prog_name="argofn", complete_var=VARIABLE, shell=shell.value))
