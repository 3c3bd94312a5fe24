"""What a function prints: bytes of two streams in, finished log lines out. Bounded, whatever is printed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from argo_proxy.sandboxes.port import CollectedLogs, LogLine

SENTINEL = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
STDOUT, STDERR = "stdout", "stderr"

_MAX_LINE_BYTES = 16 * 1024  # as Docker's own log driver: a longer line goes on in the next one
_TIME_COLUMNS = 30
_LINE_OVERHEAD = _TIME_COLUMNS + len(" stdout: ") + 1  # limits count lines as records show them, with a newline

TRUNCATED = "Logs were truncated because the total bytes size exceeds the limit of {limit} bytes."
DEVELOPER_ERROR = "The action did not initialize or run as expected. Log data might be missing."
COLLECTION_TROUBLE = "There was an issue while collecting your logs. Data might be missing."


class LineSplitter:
    """Cuts one byte stream into lines and counts the sentinels among them.

    `emit` gets each line without its newline, at most 16 KiB long; an unfinished line is kept back until it ends.
    """

    __slots__ = ("_emit", "_rest", "sentinels")

    def __init__(self, emit: Callable[[bytes], None]) -> None:
        self._emit = emit
        self._rest = b""
        self.sentinels = 0

    def feed(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        start, end = 0, data.find(b"\n")
        while end >= 0:
            self._line(data, start, end)
            start = end + 1
            end = data.find(b"\n", start)
        while len(data) - start >= _MAX_LINE_BYTES + len(SENTINEL):  # room for a sentinel printed after an unended line
            start = self._piece(data, start, len(data))
        self._rest = data[start:]

    def skim(self, data: bytes) -> None:
        """As `feed`, for lines that nobody wants: only counts sentinels, many times faster."""
        data = self._rest + data
        self.sentinels += data.count(SENTINEL)
        start = max(data.rfind(b"\n") + 1, data.rfind(SENTINEL) + len(SENTINEL) if SENTINEL in data else 0)
        self._rest = data[max(start, len(data) - len(SENTINEL) + 1) :]

    def flush(self) -> None:
        """The stream ended, or its lines are wanted now: an unfinished line is finished."""
        if self._rest:
            rest, self._rest = self._rest, b""
            self._line(rest, 0, len(rest))

    def _line(self, data: bytes, start: int, end: int) -> None:
        if data.startswith(b"\r", end - 1, end) and end > start:
            end -= 1
        if data.endswith(SENTINEL, start, end):
            self.sentinels += 1
            end -= len(SENTINEL)
            if start == end:
                return
        while end - start > _MAX_LINE_BYTES:
            start = self._piece(data, start, end)
        self._emit(data[start:end])

    def _piece(self, data: bytes, start: int, end: int) -> int:
        """Emit the first part of a long line, cut between two characters; where the next part starts."""
        cut = min(start + _MAX_LINE_BYTES, end)
        while cut < end and data[cut] & 0xC0 == 0x80 and cut > start + _MAX_LINE_BYTES - 4:
            cut -= 1
        self._emit(data[start:cut])
        return cut


_NOTHING_MORE = CollectedLogs(())


class LogCapture:
    """The lines of one sandbox between two collections, in the order in which they came.

    Keeps at most `capacity` bytes; what is over is read and dropped, so that the function never blocks.
    A line counts with its time and stream, as in the record: a million empty lines are not nothing.
    `clock` gives epoch nanoseconds.
    """

    def __init__(self, *, capacity: int, clock: Callable[[], int] = time.time_ns) -> None:
        self._capacity = capacity
        self._clock = clock
        self._now = 0
        self._kept = 0
        self._dropped = False
        self._lines: deque[LogLine] = deque()
        self._splitters = {name: LineSplitter(self._keeper(name)) for name in (STDOUT, STDERR)}
        self._open = {STDOUT, STDERR}
        self._outstanding = 0
        self._news = asyncio.Event()

    def run_started(self) -> None:
        """One more run will print its sentinels."""
        self._outstanding += 1

    def feed(self, stream: str, data: bytes) -> None:
        self._now = self._clock()
        splitter = self._splitters[stream]
        before = splitter.sentinels
        if self._dropped:
            splitter.skim(data)
        else:
            splitter.feed(data)
        if splitter.sentinels != before:
            self._news.set()

    def end(self, stream: str) -> None:
        """The stream is closed: no sentinel will come from it any more."""
        self._now = self._clock()
        self._splitters[stream].flush()
        self._open.discard(stream)
        self._news.set()

    async def collect(self, *, limit: int, wait: float) -> CollectedLogs:
        """Lines up to `limit` bytes since the last call; waits at most `wait` seconds for both sentinels."""
        stdout, stderr = self._splitters[STDOUT], self._splitters[STDERR]
        if not (stdout.sentinels and stderr.sentinels) and self._awaits_sentinel():
            await self._wait_for_sentinels(wait)
        complete = stdout.sentinels > 0 and stderr.sentinels > 0
        self._consume_sentinels()
        return self._take(limit, complete=complete)

    def _keeper(self, stream: str) -> Callable[[bytes], None]:
        lines = self._lines

        def keep(text: bytes) -> None:
            size = len(text) + _LINE_OVERHEAD
            if self._dropped or self._kept + size > self._capacity:
                self._dropped = True
                return
            self._kept += size
            lines.append(LogLine(self._now, stream, text.decode(errors="replace")))

        return keep

    def _awaits_sentinel(self) -> bool:
        return any(not self._splitters[name].sentinels for name in self._open)

    async def _wait_for_sentinels(self, wait: float) -> None:
        try:
            async with asyncio.timeout(wait):
                while self._awaits_sentinel():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            for name in self._open:  # what was printed without an end of line belongs to this collection
                self._splitters[name].flush()

    def _consume_sentinels(self) -> None:
        """Forged sentinels must not outlive their run, while those of other runs under way must."""
        self._outstanding = max(self._outstanding - 1, 0)
        for splitter in self._splitters.values():
            splitter.sentinels = min(max(splitter.sentinels - 1, 0), self._outstanding)

    def _take(self, limit: int, *, complete: bool) -> CollectedLogs:
        lines, truncated = self._lines, self._dropped
        if self._kept > limit:
            truncated = True
            while lines and self._kept > limit:
                self._kept -= len(lines.pop().text.encode()) + _LINE_OVERHEAD
        if not lines:
            self._dropped = False
            return _NOTHING_MORE if complete and not truncated else CollectedLogs((), truncated, complete)
        taken = tuple(lines)
        lines.clear()
        self._kept, self._dropped = 0, False
        return CollectedLogs(taken, truncated=truncated, complete=complete)


def format_line(line: LogLine) -> str:
    """A line as records and `wsk activation logs` show it."""
    return f"{_iso_time(line.time_ns)} {line.stream}: {line.text}"


def format_logs(
    logs: CollectedLogs, *, limit: int, developer_error: bool, time_ns: int, sentinels_expected: bool = True
) -> tuple[str, ...]:
    """The `logs` of an activation record, with a last line that says what may be missing and why.

    `limit`: the action's log limit in bytes; 0 turns its logs off. `time_ns`: now, the time of the notes.
    """
    if limit == 0:
        return ()
    lines = [format_line(line) for line in logs.lines]
    notes = []
    if logs.truncated:
        notes.append(TRUNCATED.format(limit=limit))
    if developer_error:
        notes.append(DEVELOPER_ERROR)
    elif sentinels_expected and not logs.complete and not logs.truncated:
        notes.append(COLLECTION_TROUBLE)
    lines += [format_line(LogLine(time_ns, STDERR, note)) for note in notes]
    return tuple(lines)


def _iso_time(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z".ljust(_TIME_COLUMNS)
