"""Machines as network namespaces of this one, on a bridge of their own: for clusters in tests and benches; as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Machines:
    """Namespaces on one bridge; `home` is this machine's own address on it."""

    tag: str
    subnet: str
    names: list[str] = field(default_factory=list)

    @property
    def home(self) -> str:
        return f"{self.subnet}.1"

    def link(self, index: int) -> str:
        """This machine's end of the cable to the machine that was added as number `index`, from 0."""
        return f"{self.tag}o{index + 2}"

    def add(self, *, bare: bool = False) -> tuple[str, ...]:
        """One more machine: the words in front of a command that runs there.

        `bare`: it shares all but the network with this one. Otherwise it has host names (/etc/netns) of its own, and a
        /sys without control groups.
        """
        number = len(self.names) + 2
        name = f"{self.tag}-{number}"
        inside, outside = f"{self.tag}i{number}", self.link(len(self.names))
        self.names.append(name)
        _ip("netns", "add", name)
        _ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        _ip("link", "set", outside, "master", self.tag, "up")
        _ip("-n", name, "addr", "add", f"{self.subnet}.{number}/24", "dev", inside)
        _ip("-n", name, "link", "set", inside, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        return ("nsenter", f"--net=/run/netns/{name}") if bare else ("ip", "netns", "exec", name)

    def lose(self, index: int, percent: int) -> bool:
        """Lose so much of what is sent to a machine from now on; 0: nothing. False where this kernel cannot.

        By netem; where the kernel has none, by a packet filter inside the machine.
        """
        link, inside = self.link(index), ("ip", "netns", "exec", self.names[index])
        by_chance = ("-m", "statistic", "--mode", "random", "--probability", f"{percent / 100}")
        if percent:
            return _done("tc", "qdisc", "add", "dev", link, "root", "netem", "loss", f"{percent}%") or _done(
                *inside, "iptables", "-A", "INPUT", *by_chance, "-j", "DROP"
            )
        return _done("tc", "qdisc", "del", "dev", link, "root") or _done(*inside, "iptables", "-F", "INPUT")


def why_no_machines() -> str:
    """ "" if namespaces can be made here."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no ip (apt-get install iproute2)"
    name = f"argo-{uuid.uuid4().hex[:6]}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"no network namespace can be made here: {made.stderr.strip()}"
    _ip("netns", "delete", name)
    return ""


@contextmanager
def machines() -> Iterator[Machines]:
    """A bridge, and what is added to it; all of it goes at the end."""
    tag = f"ag{uuid.uuid4().hex[:5]}"
    made = Machines(tag, f"10.{int(tag[2:4], 16)}.{int(tag[4:6], 16)}")
    _ip("link", "add", tag, "type", "bridge")
    try:
        _ip("addr", "add", f"{made.home}/24", "dev", tag)
        _ip("link", "set", tag, "up")
        yield made
    finally:
        for name in made.names:
            _ip("netns", "delete", name, check=False)
        _ip("link", "delete", tag, check=False)


def _done(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode == 0


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, timeout=30)
