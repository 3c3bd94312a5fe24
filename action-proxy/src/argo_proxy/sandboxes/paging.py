"""Puts the memory of idle processes out to swap, from outside, and reads back at once what they will want first.

process_madvise(2) (Linux 5.10) takes pages that a process has to itself and leaves alone what others map, too:
libraries, class archives, what a zygote shares with its children. What a process touches again comes back page by page,
by itself. PAGEMAP_SCAN (Linux 6.7) tells beforehand which of its pages were in memory at all: those are read back
together, rather than one fault after the other. Where it is missing, all private memory is put out, and faults alone
bring back what is wanted.

What a process has changed of a file that it has mapped (the class archives of a JVM, the data of libraries) is put out
like other memory, but to be told that it is wanted makes the kernel read the file. Reading one byte of each such page
brings it back, from outside, several at once (process_vm_readv(2)). From then on it counts as used, so that this is
done only from the second time on, for what the process itself had touched.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import fcntl
import functools
import mmap
import os
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.sandboxes import syscalls
from argo_proxy.sizes import sizes

_PROC = Path("/proc")
_PROCESS_MADVISE = (
    440  # the same number on every architecture that Debian has; Debian 12's C library has no name for it
)
_WILLNEED, _PAGEOUT = 3, 21
_MOST_RANGES = 1024  # in one call (IOV_MAX)
_MOST_BYTES = 1 << 30  # in one call: the kernel does no more than 2 GiB, and says so only by its answer
_OF_A_RANGE = (errno.ENOMEM, errno.EINVAL)  # unmapped since it was looked at; or locked, or the kernel's own
_LEAST_BYTES = 256 << 10  # a process with less is left alone: it is not worth the calls
_SWAP_KEPT = 64 << 20  # swap that is left to the rest of the machine

_SCAN_WORDS = 12
_SCAN = (3 << 30) | (8 * _SCAN_WORDS << 16) | (ord("f") << 8) | 16  # _IOWR('f', 16, struct pm_scan_arg)
_IS_FILE, _IS_PRESENT = 1 << 2, 1 << 3
_REGIONS = 1024  # of one call
_TOGETHER = 64  # pages that one call reads
_KERNEL = 1 << 63  # where it has something mapped into every process, that is no memory of theirs
_ADDRESS_BITS = (52, 48, 47, 39)  # that processes have, on one machine or another

Range = tuple[int, int]
"""Addresses: the first, and the one behind the last."""


class NoSwap(OSError):
    """There is too little of it for that much memory."""


@dataclass(frozen=True, slots=True)
class PutOut:
    """One process. `ranges`: what it had in memory for itself; empty where that cannot be told.

    `changed`: pages of files that it had changed, as vectors of one byte each for process_vm_readv(2).
    """

    pid: int
    ranges: Sequence[Range]
    changed: array.array[int] = field(default_factory=lambda: array.array("Q"))


def swap_bytes() -> tuple[int, int]:
    """Of this machine: all of it, and what is free."""
    found = sizes(_PROC / "meminfo")
    return found.get("SwapTotal", 0), found.get("SwapFree", 0)


def why_no_paging() -> str:
    """What is missing of this kernel, or of what it lets us do; "" where it works. Swap is another matter."""
    memory = ctypes.create_string_buffer(2 * mmap.PAGESIZE)
    page = -(-ctypes.addressof(memory) // mmap.PAGESIZE) * mmap.PAGESIZE
    try:
        _advise(os.getpid(), [(page, page + mmap.PAGESIZE)], _PAGEOUT)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            return "no process_madvise(2), as Linux has from 5.10"
        return f"process_madvise(2) is refused: {error.strerror}"
    return ""


def put_out(pids: Iterable[int], again: Container[int] = ()) -> list[PutOut]:
    """Have the kernel write the memory of these processes to swap. Blocks for milliseconds. Raises NoSwap.

    `again`: those that were called back before.
    """
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):  # it ended meanwhile
            ranges = _present(pid)
            if ranges is None:
                found.append((PutOut(pid, ()), _private(pid), sizes(_PROC / str(pid) / "status").get("RssAnon", 0)))
            elif (size := sum(end - start for start, end in ranges)) >= _LEAST_BYTES:
                found.append((_sorted(pid, ranges, changed=pid in again), ranges, size))
    room = swap_bytes()[1] - _SWAP_KEPT
    if sum(size for _, _, size in found) > room:
        raise NoSwap(f"only {max(room, 0) >> 20} MB of swap are left")
    for each, ranges, _ in found:
        with contextlib.suppress(OSError):
            _advise(each.pid, ranges, _PAGEOUT)
    return [each for each, _, _ in found]


def let_go(group: Path) -> None:
    """Have the kernel give up what is written and mapped no more, and put out the rest: it would wait for a shortage.

    `group`: a memory control group. Files in memory stay where the kernel can tell them apart. Blocks for milliseconds.
    """
    with contextlib.suppress(OSError):  # the group is gone, or some of it could not be had
        if (group / "memory.reclaim").exists():
            size = (group / "memory.current").read_text().strip()
            _write_one(group / "memory.reclaim", f"{size} swappiness=max", size)  # so from Linux 6.13
        else:
            _write_one(group / "memory.swappiness", "200", "100")  # the most of Linux 6.0, or of before
            (group / "memory.force_empty").write_text("0")


@contextlib.contextmanager
def may_swap(group: Path) -> Iterator[None]:
    """In version 2 a sandbox's group has no swap, lest it have more memory than its limit; it has while this runs."""
    limit = group / "memory.swap.max"
    try:
        before = limit.read_text()
        limit.write_text("max")
    except OSError:  # version 1 limits memory and swap together
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            limit.write_text(before)


def _write_one(path: Path, *values: str) -> None:
    """The first of them that is taken. Raises OSError."""
    for value in values[:-1]:
        try:
            path.write_text(value)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        else:
            return
    path.write_text(values[-1])


def call_back(out: Iterable[PutOut], readers: Executor) -> None:
    """Begin to read what was put out; `readers` wait for it. Blocks for about a millisecond."""
    words = 2 * _TOGETHER
    for each in out:
        with contextlib.suppress(OSError):  # it ended
            _advise(each.pid, each.ranges, _WILLNEED)
        for start in range(0, len(each.changed), words):
            readers.submit(_read_back, each.pid, each.changed[start : start + words])


def _read_back(pid: int, vectors: array.array[int]) -> None:
    """Waits for pages of a process."""
    kept = ctypes.create_string_buffer(len(vectors))
    here = _Vector(ctypes.addressof(kept), len(vectors))
    library = ctypes.CDLL(None)
    start, end = vectors.buffer_info()[0], len(vectors) // 2
    at = 0
    while at < end:
        there = ctypes.c_void_p(start + at * ctypes.sizeof(_Vector))
        done = int(library.process_vm_readv(pid, ctypes.byref(here), 1, there, end - at, 0))
        at += max(done, 0) + 1  # the next is unmapped meanwhile, or all: then this ends soon


class _Vector(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _advise(pid: int, ranges: Sequence[Range], advice: int) -> None:
    """Raises OSError."""
    descriptor = os.pidfd_open(pid)
    try:
        for part in _parts(ranges):
            left = part
            while left:
                vectors = (_Vector * len(left))(*[_Vector(start, end - start) for start, end in left])
                try:
                    done = syscalls.call(_PROCESS_MADVISE, descriptor, vectors, len(left), advice, 0)
                except OSError as error:
                    if error.errno not in _OF_A_RANGE:
                        raise
                    done = 0
                left = _behind(left, done)
    finally:
        os.close(descriptor)


def _behind(part: list[Range], done: int) -> list[Range]:
    """What is left after so many bytes: it stops at a range that it cannot do, which is left out."""
    for number, (start, end) in enumerate(part):
        if done < end - start:
            return part[number + 1 :]
        done -= end - start
    return []


def _parts(ranges: Sequence[Range]) -> Iterator[list[Range]]:
    """As much as one call takes."""
    part: list[Range] = []
    size = 0
    for start, end in ranges:
        if part and (len(part) == _MOST_RANGES or size + end - start > _MOST_BYTES):
            yield part
            part, size = [], 0
        part.append((start, end))
        size += end - start
    if part:
        yield part


def _sorted(pid: int, ranges: Sequence[Range], *, changed: bool) -> PutOut:
    """By how they come back. Raises OSError."""
    usual: list[Range] = []
    vectors = array.array("Q")
    files = (place for place, _, name in _mapped(pid) if name.startswith("/"))
    file = next(files, None)
    for start, end in ranges:
        while file is not None and file[1] <= start:
            file = next(files, None)
        if file is None or end <= file[0]:
            usual.append((start, end))
        elif changed:
            for page in range(start, end, mmap.PAGESIZE):
                vectors.extend((page, 1))
    return PutOut(pid, usual, vectors)


def _present(pid: int) -> list[Range] | None:
    """What a process has in memory for itself; None where this kernel does not tell. Raises OSError."""
    start, end = 0, _address_space()
    found: list[Range] = []
    while start < end:
        some, start = _scan(pid, start, end)
        found += some
    return found if end else None


@functools.cache
def _address_space() -> int:
    """The end of what a process can address; 0 where the kernel has no such call."""
    for bits in _ADDRESS_BITS:
        with contextlib.suppress(OSError):
            end = (1 << bits) - mmap.PAGESIZE
            _scan(os.getpid(), end - mmap.PAGESIZE, end)
            return end
    return 0


def _scan(pid: int, start: int, end: int) -> tuple[list[Range], int]:
    """Some of the ranges, and where to go on. Raises OSError."""
    regions = (ctypes.c_uint64 * (3 * _REGIONS))()
    # struct pm_scan_arg: what is present, and is no file's (that bit is inverted)
    words = [8 * _SCAN_WORDS, 0, start, end, 0, ctypes.addressof(regions), _REGIONS, 0]
    argument = array.array("Q", [*words, _IS_FILE, _IS_FILE | _IS_PRESENT, 0, _IS_PRESENT])
    with (_PROC / str(pid) / "pagemap").open("rb") as pagemap:
        count = fcntl.ioctl(pagemap.fileno(), _SCAN, argument, True)
    return [(regions[3 * number], regions[3 * number + 1]) for number in range(count)], argument[4]


def _private(pid: int) -> list[Range]:
    """All that a process has mapped for itself. Raises OSError."""
    return [
        (start, end)
        for (start, end), allowed, _ in _mapped(pid)
        if allowed.endswith("p") and not allowed.startswith("---") and end < _KERNEL
    ]


def _mapped(pid: int) -> Iterator[tuple[Range, str, str]]:
    """Addresses in their order, what is allowed there, and a file's path, another name or "". Raises OSError."""
    for line in (_PROC / str(pid) / "maps").read_text().splitlines():
        addresses, allowed, _, _, _, *name = line.split(None, 5)
        start, end = (int(address, 16) for address in addresses.split("-"))
        yield (start, end), allowed, name[0] if name else ""
