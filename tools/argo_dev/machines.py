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

    def add(self) -> tuple[str, ...]:
        """One more machine: the words in front of a command that runs there."""
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
        return ("ip", "netns", "exec", name)


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


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, timeout=30)
