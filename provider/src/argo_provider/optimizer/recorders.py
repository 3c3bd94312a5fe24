"""Observation: a sandbox with a recorder before any invocation goes there, and what it has seen once that is enough."""

from __future__ import annotations

import time

import structlog

from argo_provider.errors import ArgoError
from argo_provider.optimizer import events as ev
from argo_provider.optimizer.model import FunctionId, Route
from argo_provider.optimizer.ports import BuildFailed, NativeTechnology, Subject
from argo_provider.optimizer.reach import Reach
from argo_provider.optimizer.subjects import Known
from argo_provider.placement.port import ORDINARY, Overloaded
from argo_proxy.protocol.messages import OutcomeKind

_log = structlog.get_logger(__name__)

OBSERVED = Route(observed=True)
WRITE_SECONDS = 1.0  # recorders write what they have seen about once a second


class Recorders:
    """Those of all functions that are observed now."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._observing: dict[FunctionId, Known] = {}

    def count(self, known: Known) -> None:
        """One more invocation goes to a recorder."""
        if known.recorded < self._reach.settings.observe_invocations:
            known.recorded += 1
            known.recorded_at = time.monotonic()

    def end(self, function: FunctionId) -> None:
        self._observing.pop(function, None)

    async def begin(self, known: Known, fingerprint: str) -> None:
        """Ends in `Recorded`: at once where the code is read, else when enough was recorded."""
        technology, subject = known.technology, known.subject
        if technology is None or subject.fingerprint != fingerprint:
            return
        if technology.records:
            self._observing[known.function] = known
            await self._prepare(known, subject, technology)
            return
        try:
            unmet = await technology.read(subject)
        except ArgoError as error:
            _log.warning("code_not_read", path=known.function.path, text=str(error))
            return
        self._reach.tell(ev.Recorded(known.function, time.time(), fingerprint, unmet))

    async def look(self) -> None:
        """At those that have seen enough, once they have had the time to write it down."""
        wanted, now = self._reach.settings.observe_invocations, time.monotonic()
        for function, known in tuple(self._observing.items()):
            subject = known.subject
            ripe = known.recorded >= wanted and now - known.recorded_at >= 2 * WRITE_SECONDS
            if ripe and await self.learn(known):
                self._reach.tell(ev.Recorded(function, time.time(), subject.fingerprint))

    async def learn(self, known: Known) -> bool:
        """Keep what has been seen so far; False where the code is another meanwhile."""
        subject, technology = known.subject, known.technology
        self.end(known.function)
        if technology is None or not technology.records:
            return technology is not None
        await technology.learn(subject, await self._reach.ways.recorded(subject.executable.path))
        return known.subject is subject

    async def leave(self, known: Known, subject: Subject) -> None:
        """Nothing goes to the recorder any more, once an ordinary sandbox is warm: nobody waits for the change."""
        ways = self._reach.ways
        if known.recording and not ways.warm(subject.executable):
            known.handing_over = True
            try:
                await ways.prepare(subject.executable, ORDINARY)
            except Overloaded as error:
                _log.info("no_ordinary_sandbox", path=known.function.path, text=str(error))
            finally:
                known.handing_over = False
        known.recording = False
        ways.close_way(*known.function, OBSERVED.variant)

    async def _prepare(self, known: Known, subject: Subject, technology: NativeTechnology) -> None:
        """So that no invocation waits for it; what does not initialise with it is not recorded."""
        known.recorded = 0
        try:
            await technology.ready_to_record()
        except BuildFailed as failed:  # the build tells why
            _log.warning("no_recorder", path=known.function.path, reason=failed.detail)
            self._reach.tell(ev.Recorded(known.function, time.time(), subject.fingerprint))
            return
        try:
            made = await self._reach.ways.prepare(subject.executable, OBSERVED)
        except Overloaded as error:
            _log.warning("recorder_not_ready", path=known.function.path, text=str(error))
            return
        wanted = known.subject is subject and self._observing.get(known.function) is known
        known.recording = wanted and made.outcome.kind is OutcomeKind.SUCCESS
