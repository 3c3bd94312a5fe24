"""Has the kernel look again, a thousand times a second, whether somebody waits for a processor that a build is on.

A group that is marked idle gives way to whoever wakes up. But when a process goes to sleep, what runs next is chosen by
what each has had so far (EEVDF, Linux 6.6 and later): of two threads of a service of which one has just woken the other
and sleeps, both are in a group that has had a bit more than its share, and the idle group is chosen, for a tick or two
of 4 ms. With a build beside it that met three calls in a hundred, and each waited five milliseconds for a processor
that only the build was using. Any process that wakes up there ends it; so one does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO

from argo_proxy.builder.groups import IdleGroup

# $1: the control group's entrance; then Python and its words. Until it beats, it gives way like a build.
_ENTER = 'echo 0 > "$1" || exit; shift; exec "$@"'
# The file that marks its group as idle; then processors. It ends with the one that started it, whose pipe closes then.
_BEAT = """
import os, sys, threading, time

def beat(processor):
    os.sched_setaffinity(0, {processor})
    while True:
        time.sleep(0.001)

for processor in sys.argv[2:]:
    threading.Thread(target=beat, args=[int(processor)], daemon=True).start()
with open(sys.argv[1], "w") as idle:
    idle.write("0")
sys.stdin.buffer.read()
os._exit(0)
"""
_END_SECONDS = 5.0


class Metronome:
    """One thread on each processor that this process may use, from its start until `stop`.

    In a group of its own: in one that is waiting, it would be what that group is charged for.
    """

    def __init__(self, group: IdleGroup, errors: IO[bytes] | int = subprocess.DEVNULL) -> None:
        """Takes the group over. What becomes of it without a beat is written to `errors`. Raises OSError."""
        self._group = group
        processors = map(str, sorted(os.sched_getaffinity(0)))
        python = [sys.executable, "-I", "-S", "-c", _BEAT, str(group.mark), *processors]
        try:
            self._process = subprocess.Popen(  # of our own words
                ["/bin/sh", "-c", _ENTER, "argo-metronome", str(group.entrance), *python],
                env={},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        except OSError:
            group.remove()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """It ends, and so does its group. Blocks briefly."""
        self._process.kill()
        self._process.communicate(timeout=_END_SECONDS)
        self._group.remove()
