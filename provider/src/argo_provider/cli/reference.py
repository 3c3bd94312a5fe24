"""`docs/reference/argofn.md`, made from the commands themselves: `python -m argo_provider.cli.reference`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from argo_provider.cli.client.failures import Exit
from argo_provider.cli.client.session import EXAMPLES, SHARED_OPTIONS
from argo_provider.cli.main import app
from argo_provider.cli.terminal import say

_HEAD = """# The command line

Made from the commands by `python -m argo_provider.cli.reference`; a test holds it complete.

`argofn` is two things: what runs a service (`serve`, `namespace`, `doctor`, `settings`), and a client that talks to one
over HTTP and does what people know from `wsk`.

## Which service, which key

A flag, else the environment, else the property file, which is `wsk`'s own.

| property | flag | environment, the first that is set | in `~/.wskprops`, or the file that `WSK_CONFIG_FILE` names |
| --- | --- | --- | --- |
| the service | `--apihost URL` | `WHISK_APIHOST`, `__OW_API_HOST` | `APIHOST` |
| the key | `--auth UUID:SECRET`, `-u` | `WHISK_AUTH`, `__OW_API_KEY` | `AUTH` |
| the namespace | | `WHISK_NAMESPACE`, `__OW_NAMESPACE` | `NAMESPACE` |
| the API's version | `--apiversion` | `WHISK_APIVERSION` | `APIVERSION` |
| a client certificate | `--cert`, `--key` | | `CERT`, `KEY` |

A host without a scheme is `https`. `-i` accepts any certificate, `-v` prints each request. `-o json`, `yaml` and `name`
are for programs; the default, `table`, has `wsk`'s shapes where `wsk` knows the command.

## Exit status

| status | what |
| --- | --- |
"""
_STATUSES = (
    (Exit.OK, "done"),
    (Exit.FAILED, "it was done as asked, and what was asked about is not well"),
    (Exit.USAGE, "an argument, a file or a property that cannot be used"),
    (Exit.UNREACHABLE, "no service answers there"),
    (Exit.INTERRUPTED, "Ctrl-C"),
    (144, "400 of the service: not accepted"),
    (145, "401: the key is not known"),
    (147, "403: the key is of another namespace"),
    (148, "404: there is no such thing"),
    (153, "409: it exists already, or changed meanwhile"),
    (157, "413: too large"),
    (173, "429: throttled"),
    (Exit.NOT_YET, "accepted, and not finished in time"),
    (244, "500: the service failed"),
    (246, "502: the function failed"),
    (247, "503: overloaded, or not ready yet"),
)


def render() -> str:
    """The whole page."""
    rows = "".join(f"| {int(status)} | {about} |\n" for status, about in _STATUSES)
    note = "\nWhat the service refuses ends with its HTTP status minus 256, as with `wsk`.\n\n## Commands\n"
    return _HEAD + rows + note + "".join(_command(path, command) for path, command in commands())


def commands() -> Iterator[tuple[str, Any]]:
    """Each command that does something, with the words that call it."""
    root: Any = typer.main.get_command(app)
    yield from _below("argofn", root)


def _below(path: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _below(f"{path} {name}", command)
        else:
            yield f"{path} {name}", command


def _command(path: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    own = [each for each in command.params if each.param_type_name == "option" and each.name not in _left_out(command)]
    words = [each.metavar or each.name.upper() for each in arguments if not each.hidden]
    lines = [f"\n### `{' '.join([path, *words])}`\n\n{inspect.cleandoc(command.help or '')}\n"]
    if own:
        lines.append("\n| option | what |\n| --- | --- |\n")
        lines += [f"| {_names(each)} | {_cell(each.help or '')} |\n" for each in own]
    examples = EXAMPLES.get(path.removeprefix("argofn "), ())
    if examples:
        lines.append("\n```sh\n" + "\n".join(examples) + "\n```\n")
    return "".join(lines)


def _left_out(command: Any) -> set[str]:
    """`help`, and what every client command has."""
    names = {each.name for each in command.params}
    return {"help", *SHARED_OPTIONS} if set(SHARED_OPTIONS) <= names else {"help"}


def _names(option: Any) -> str:
    words = ", ".join(f"`{each}`" for each in (*option.opts, *option.secondary_opts))
    return f"{words} {_cell(option.metavar)}" if option.metavar else words


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    say(render().rstrip("\n"))
