"""The page of all commands is what the commands are."""

from pathlib import Path

from argo_provider.cli.reference import commands, render

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "argofn.md"


def test_the_page_is_made_from_the_commands():
    assert PAGE.read_text() == render(), "python -m argo_provider.cli.reference >docs/reference/argofn.md"


def test_every_command_says_what_it_does():
    found = dict(commands())
    assert len(found) > 50
    assert [path for path, command in found.items() if not command.help] == []
