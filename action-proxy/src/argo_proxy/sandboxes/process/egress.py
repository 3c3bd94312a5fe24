"""Which networks a process sandbox reaches: the packet filter of this machine holds its user to a list.

Sandboxes share this machine's network, but each has a user of its own: a chain of rules for that user, in iptables and
ip6tables. What is not listed is rejected, so that a function is told at once. The API and name servers are always
reached. Metadata addresses and this machine's own are not, however wide a listed network is, unless they are listed by
themselves. A rule that lets through returns to the machine's own rules, which still apply.
"""

from __future__ import annotations

import ipaddress
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from argo_proxy.sandboxes.port import SandboxCreationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Endpoint = tuple[str, int]  # address, TCP port

_CHAIN = "ARGO-EGRESS-"
_RESOLV = Path("/etc/resolv.conf")
_IPV6 = Path("/proc/net/if_inet6")
_SECONDS = 30
_WAIT = ("-w", "10")  # for whoever else changes the rules now
_REFUSED = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
_ALONE = {4: "169.254.0.0/16", 6: "fe80::/10"}  # where clouds give out credentials


def networks_of(text: str) -> tuple[str, ...]:
    """The networks of a list with commas between them, each once and in order. ValueError with a sentence."""
    found = set()
    for part in filter(None, (word.strip() for word in text.split(","))):
        try:
            found.add(ipaddress.ip_network(part))
        except ValueError as error:
            raise ValueError(f"'{part}' is no network ({error}): write ADDRESS/BITS, as 10.1.0.0/16.") from error
    return tuple(str(each) for each in sorted(found, key=lambda each: (each.version, each)))


def rules(uid: int, allowed: Sequence[str], apis: Sequence[Endpoint], names: Sequence[str], version: int) -> str:
    """What iptables-restore (of IP `version`) reads. Pure."""
    chain = f"{_CHAIN}{uid}"
    wide: list[str] = []
    meant: list[str] = []
    for each in _of(version, map(ipaddress.ip_network, allowed)):
        (meant if _is_meant(each) else wide).append(f"-A {chain} -d {each} -j RETURN")
    refuse = _REFUSED[version]
    lines = [
        "*filter",
        f":{chain} - [0:0]",
        *(f"-A {chain} -d {each} -p tcp --dport {port} -j RETURN" for each, port in apis if _version(each) == version),
        *(
            f"-A {chain} -d {each} -p {protocol} --dport 53 -j RETURN"
            for each in names
            if _version(each) == version
            for protocol in ("udp", "tcp")
        ),
        *meant,
        f"-A {chain} -d {_ALONE[version]} -j REJECT --reject-with {refuse}",
        f"-A {chain} -m addrtype --dst-type LOCAL -j REJECT --reject-with {refuse}",
        *wide,
        f"-A {chain} -j REJECT --reject-with {refuse}",
        f"-I OUTPUT -m owner --uid-owner {uid} -j {chain}",
        "COMMIT",
    ]
    return "\n".join(lines) + "\n"


class EgressFilter:
    """The rules of this installation's sandboxes. All of it blocks."""

    def hold(self, uid: int | None, allowed: Sequence[str], api: str) -> None:
        """From now on `uid` reaches no more than that. `api`: URL. SandboxCreationError where it cannot be held."""
        if uid is None:
            raise _cannot("the service is not root, so that all sandboxes are one user's", "run the service as root")
        apis, names = endpoints_of(api), name_servers(_RESOLV)
        for version, tool in _tools():
            done = _run((f"{tool}-restore", *_WAIT, "--noflush"), rules(uid, allowed, apis, names, version))
            if done.returncode != 0:
                self.free(uid)
                raise _cannot(f"its packet filter says: {done.stderr.strip()[-200:]}", "argofn doctor")

    def free(self, uid: int | None) -> None:
        """What was held of `uid` is so no more."""
        for _, tool in _tools() if uid is not None else ():
            _run((tool, *_WAIT, "-D", "OUTPUT", "-m", "owner", "--uid-owner", str(uid), "-j", f"{_CHAIN}{uid}"))
            _run((tool, *_WAIT, "-F", f"{_CHAIN}{uid}"))
            _run((tool, *_WAIT, "-X", f"{_CHAIN}{uid}"))

    def sweep(self, uids: range) -> None:
        """Remove what a service that is gone left of these users."""
        left = set()
        for _, tool in _tools() if shutil.which("iptables") else ():
            for line in _run((tool, *_WAIT, "-S")).stdout.splitlines():
                if line.startswith(f"-N {_CHAIN}"):
                    left.add(int(line.rpartition("-")[2]))
        for uid in left.intersection(uids):
            self.free(uid)


def endpoints_of(url: str) -> tuple[Endpoint, ...]:
    """The addresses of a URL's host."""
    parts = urlsplit(url)
    if not parts.hostname:
        return ()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys((str(address[0]), port) for *_, address in found))


def name_servers(path: Path) -> tuple[str, ...]:
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return ()
    return tuple(words[1].partition("%")[0] for words in lines if len(words) > 1 and words[0] == "nameserver")


def _tools() -> Iterator[tuple[int, str]]:
    yield 4, "iptables"
    if _IPV6.exists():
        yield 6, "ip6tables"


def _run(command: Sequence[str], given: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except FileNotFoundError:
        raise _cannot(f"there is no {command[0]}", "apt-get install iptables") from None
    except subprocess.TimeoutExpired:
        raise _cannot(f"{command[0]} did not end within {_SECONDS} s", "argofn doctor") from None


def _cannot(why: str, fix: str) -> SandboxCreationError:
    return SandboxCreationError(f"This machine cannot hold functions to a list of networks: {why} ({fix}).")


def _of(version: int, networks: Iterator[Network]) -> list[Network]:
    return [each for each in networks if each.version == version]


def _is_meant(network: Network) -> bool:
    """Whether it can only be listed because someone wants just that."""
    return network.num_addresses == 1 or network.is_loopback or network.is_link_local


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version
