"""Log capture: nothing lost, nothing forged, nothing unbounded."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_proxy.protocol.logs import SENTINEL, LineSplitter, LogCapture, format_line, format_logs
from argo_proxy.sandboxes.port import CollectedLogs, LogLine

pytestmark = pytest.mark.unit

END = SENTINEL + b"\n"


def capture(capacity: int = 1 << 20) -> LogCapture:
    return LogCapture(capacity=capacity, clock=lambda: 7)


async def collected(logs: LogCapture, limit: int = 1 << 20, wait: float = 5.0) -> CollectedLogs:
    return await logs.collect(limit=limit, wait=wait)


def finish(logs: LogCapture) -> None:
    logs.feed("stdout", END)
    logs.feed("stderr", END)


class TestSplitter:
    @given(
        st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
        st.lists(st.integers(0, 2000)),
    )
    def test_lines_are_the_same_however_the_stream_is_cut(self, lines, cuts):
        data = "".join(f"{line}\n" for line in lines).encode()
        places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        found: list[bytes] = []
        splitter = LineSplitter(found.append)
        for start, end in itertools.pairwise(places):
            splitter.feed(data[start:end])
        assert [line.decode() for line in found] == lines

    @given(st.text("aé漢😀", min_size=1, max_size=50), st.integers(1_000, 3_000), st.integers(100, 5_000))
    def test_a_long_line_is_cut_between_characters(self, part, times, size):
        text = part * times
        data = text.encode() + b"\n"
        found: list[bytes] = []
        splitter = LineSplitter(found.append)
        for start in range(0, len(data), size):
            splitter.feed(data[start : start + size])
        assert max(map(len, found)) <= 16 * 1024
        assert "".join(piece.decode() for piece in found) == text

    def test_bytes_that_are_no_text_are_cut_as_well(self):
        found: list[bytes] = []
        LineSplitter(found.append).feed(b"\x80" * 50_000 + b"\n")
        assert b"".join(found) == b"\x80" * 50_000

    def test_text_before_a_sentinel_is_a_line(self):
        found: list[bytes] = []
        splitter = LineSplitter(found.append)
        splitter.feed(b"no end of line" + END + b"\r\nnext\r\n" + END)
        assert found == [b"no end of line", b"", b"next"]
        assert splitter.sentinels == 2

    @given(st.integers(0, 20_000))
    def test_a_sentinel_is_found_behind_any_text(self, length):
        splitter = LineSplitter(lambda _: None)
        splitter.feed(b"x" * length)
        splitter.feed(SENTINEL[:5])
        splitter.feed(SENTINEL[5:] + b"\n")
        assert splitter.sentinels == 1

    @given(st.lists(st.sampled_from([b"text\n", b"unended", END, SENTINEL[:9], b"\n"])), st.integers(1, 60))
    def test_skimming_counts_the_same_sentinels(self, parts, size):
        data = b"".join(parts) + b"\n"
        read, skimmed = LineSplitter(lambda _: None), LineSplitter(lambda _: None)
        for start in range(0, len(data), size):
            read.feed(data[start : start + size])
            skimmed.skim(data[start : start + size])
        assert skimmed.sentinels == data.count(SENTINEL)
        assert read.sentinels == sum(line.endswith(SENTINEL) for line in data.split(b"\n"))


class TestCapture:
    async def test_keeps_the_order_of_the_streams(self):
        logs = capture()
        logs.run_started()
        logs.feed("stdout", b"1\n")
        logs.feed("stderr", b"2\n")
        logs.feed("stdout", b"3\n")
        finish(logs)
        expected = (LogLine(7, "stdout", "1"), LogLine(7, "stderr", "2"), LogLine(7, "stdout", "3"))
        assert await collected(logs) == CollectedLogs(expected)

    async def test_waits_for_both_sentinels(self):
        logs = capture()
        logs.run_started()
        logs.feed("stdout", END)
        waiting = asyncio.ensure_future(collected(logs))
        await asyncio.sleep(0)
        assert not waiting.done()
        logs.feed("stderr", b"late\n" + END)
        assert (await waiting).lines == (LogLine(7, "stderr", "late"),)

    async def test_gives_up_waiting_and_takes_unended_lines(self):
        logs = capture()
        logs.run_started()
        logs.feed("stdout", b"unended")
        found = await collected(logs, wait=0.01)
        assert found == CollectedLogs((LogLine(7, "stdout", "unended"),), complete=False)

    async def test_waits_for_no_stream_that_has_ended(self):
        logs = capture()
        logs.run_started()
        logs.feed("stdout", b"bye")
        logs.end("stdout")
        logs.end("stderr")
        assert await collected(logs, wait=60) == CollectedLogs((LogLine(7, "stdout", "bye"),), complete=False)

    async def test_forged_sentinels_do_not_reach_the_next_run(self):
        logs = capture()
        logs.run_started()
        for _ in range(3):
            finish(logs)
        assert (await collected(logs)).complete
        logs.run_started()
        assert not (await collected(logs, wait=0.01)).complete

    async def test_overlapping_runs_each_have_their_sentinel(self):
        logs = capture()
        logs.run_started()
        logs.run_started()
        finish(logs)
        finish(logs)
        assert (await collected(logs)).complete
        assert (await collected(logs)).complete

    async def test_holds_no_more_than_its_capacity_and_still_sees_the_end(self):
        logs = capture(capacity=1000)
        logs.run_started()
        for _ in range(1000):
            logs.feed("stdout", b"x" * 60 + b"\n")
        finish(logs)
        found = await collected(logs)
        assert len(found.lines) == 10
        assert found.truncated
        assert found.complete
        logs.run_started()
        logs.feed("stdout", b"again\n")
        finish(logs)
        assert await collected(logs) == CollectedLogs((LogLine(7, "stdout", "again"),))

    async def test_empty_lines_are_not_free(self):
        logs = capture(capacity=4000)
        logs.feed("stdout", b"\n" * 1_000_000)
        finish(logs)
        assert len((await collected(logs)).lines) == 100

    @given(
        st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), max_size=30),
        st.integers(0, 500),
    )
    def test_records_stay_within_the_limit(self, lines, limit):
        logs = capture()
        logs.feed("stdout", "".join(f"{line}\n" for line in lines).encode())
        finish(logs)
        found = asyncio.run(collected(logs, limit))
        assert sum(len(format_line(line).encode()) + 1 for line in found.lines) <= limit
        assert found.truncated == (len(found.lines) < len(lines))


class TestFormat:
    NOW = 1_700_000_000_000_000_000

    def test_a_line_has_time_stream_and_text(self):
        line = LogLine(1_795_454_393_600_323_541, "stdout", "hello")
        assert format_line(line) == "2026-11-23T17:19:53.600323541Z stdout: hello"

    def notes(self, logs: CollectedLogs, **more) -> list[str]:
        options = {"limit": 10, "developer_error": False, "time_ns": self.NOW} | more
        return [line[31:] for line in format_logs(logs, **options)]

    def test_says_what_may_be_missing(self):
        line = LogLine(self.NOW, "stdout", "x")
        assert self.notes(CollectedLogs((line,))) == ["stdout: x"]
        assert self.notes(CollectedLogs((line,), truncated=True)) == [
            "stdout: x",
            "stderr: Logs were truncated because the total bytes size exceeds the limit of 10 bytes.",
        ]
        assert self.notes(CollectedLogs((), complete=False), developer_error=True) == [
            "stderr: The action did not initialize or run as expected. Log data might be missing."
        ]
        assert self.notes(CollectedLogs((), complete=False)) == [
            "stderr: There was an issue while collecting your logs. Data might be missing."
        ]
        assert self.notes(CollectedLogs((), complete=False), sentinels_expected=False) == []

    def test_logs_can_be_turned_off(self):
        assert self.notes(CollectedLogs((LogLine(1, "stdout", "x"),), truncated=True), limit=0) == []
