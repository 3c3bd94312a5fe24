"""What can go wrong in a client command, with which exit status it ends, and what to type next.

    ClientError
    ├── Misused          2    an argument, a file or a property that cannot be used
    ├── Failed           1    it was done as asked, and what was asked about is not well (a build failed, …)
    ├── Unreachable      3    no service answers there
    ├── NotYet           202  accepted, and not finished in time
    └── Refused          HTTP status modulo 256: 144 bad request, 145 wrong key, 147 forbidden, 148 not found,
                         153 conflict, 157 too large, 173 throttled, 244 server error, 246 the function failed,
                         247 overloaded

The numbers are those of `wsk` (status - 256), because scripts test for them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses beside those of HTTP answers."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130
    NOT_YET = 202


class ClientError(Exception):
    """Ends the command. `next_step`: what to type now."""

    status: int = Exit.FAILED

    def __init__(self, why: str, next_step: str) -> None:
        super().__init__(why)
        self.next_step = next_step


class Misused(ClientError):
    status = Exit.USAGE


class Failed(ClientError):
    status = Exit.FAILED


class Unreachable(ClientError):
    status = Exit.UNREACHABLE


class NotYet(ClientError):
    status = Exit.NOT_YET


class Refused(ClientError):
    """The service answered with an error. `code`: its transaction id, "" if it gave none."""

    def __init__(self, http_status: int, text: str, code: str = "") -> None:
        super().__init__(f"{text} (code {code})" if code else text, advice(http_status, text))
        self.http_status = http_status
        self.text = text
        self.status = http_status % 256


_ADVICE = {
    401: "argofn property set --auth UUID:SECRET, with the key that the service shows at its start"
    " (a new one, on its machine: argofn namespace rotate NAME)",
    403: "argofn namespace get, to see which namespace your key is for; another key: --auth UUID:SECRET",
    404: "argofn list, to see what is there",
    408: "try again; a longer limit for a function: argofn action update NAME --timeout MS",
    409: "the same command with update instead of create, or another name",
    413: "send less: files belong in a store, with their address as parameter",
    429: "wait a minute; the limits, on the service's machine: argofn namespace limits NAME",
    502: "argofn activation get --last, for the record with its logs",
    503: "try again shortly; what the service lacks: argofn doctor --apihost URL",
}


def advice(status: int, text: str) -> str:
    """What to type after an answer of `status`."""
    if status == 409 and "optimiser" in text:
        return "argofn tiers, to see where functions run"
    if status in _ADVICE:
        return _ADVICE[status]
    if status >= 500:
        return "argofn doctor --apihost URL; the code above finds the request in the service's log"
    if "limit" in text.lower() or "range" in text.lower():
        return "argofn namespace get --limits, for what is allowed"
    return "the same command with --help; -v shows what was sent"


def near(name: str, names: Iterable[str]) -> list[str]:
    """The names that `name` may have been meant to be, the nearest first."""
    return difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)


# What a failed connection's message holds; what that means; what to type. The first that fits counts.
_CONNECTIONS = (
    (("wrong version number", "record layer failure"), "{url} speaks plain HTTP, not TLS", "--apihost {plain}"),
    (("certificate",), "the certificate of {url} is not trusted: {text}", "-i, if you know whose it is"),
    (("ssl", "tls"), "TLS with {url} failed: {text}", "argofn property get --apihost, for what is configured"),
    (
        ("resolve", "name or service", "getaddrinfo"),
        "there is no host {url}",
        "argofn property get --apihost, for what is configured; another service: --apihost URL",
    ),
    (("refused",), "nothing listens at {url}", "argofn serve, on that machine; another service: --apihost URL"),
    (("timed out",), "{url} did not answer in time", "try again; how it does: argofn doctor --apihost {url}"),
    (("",), "the connection to {url} broke: {text}", "try again; how it does: argofn doctor --apihost {url}"),
)


def unreachable(url: str, reason: BaseException | str) -> Unreachable:
    """Why nothing answers at `url`, and what to do about that."""
    text = str(reason)
    plain = url.replace("https://", "http://", 1)
    _, why, fix = next(each for each in _CONNECTIONS if any(word in text.lower() for word in each[0]))
    return Unreachable(why.format(url=url, text=text), fix.format(url=url, plain=plain))
